//! Functions at fixed addresses that the settings name: a process on this machine, a gateway, a device.

use protocol::FunctionName;
use serde::{Deserialize, Serialize};

use super::{Offer, Target};
use crate::settings::Endpoints;

/// The name of this executor.
pub(crate) const NAME: &str = "endpoint";

/// The URL of a replica, `http://host:port`, perhaps with a path that stands before every call's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(Target);

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0.to_string()
    }
}

/// What the settings offer.
pub(crate) fn offers(endpoints: &Endpoints) -> Vec<Offer> {
    let offer = |function: &FunctionName, endpoint: &Endpoint| Offer {
        function: function.clone(),
        replica: endpoint.0.to_string(),
        target: Ok(endpoint.0.clone()),
        idempotent: false,
    };
    let of_function = |(function, replicas): (&FunctionName, &Vec<Endpoint>)| {
        replicas.iter().map(|endpoint| offer(function, endpoint)).collect::<Vec<_>>()
    };
    endpoints.0.iter().flat_map(of_function).collect()
}
