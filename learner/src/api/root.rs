/// The service's name and version
#[utoipa::path(get, path = "/", tag = "learner", responses((status = 200, body = String)))]
pub(super) async fn hello() -> String {
    format!("p2pfaas-learner {}\n", service::VERSION)
}
