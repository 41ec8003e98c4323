//! The face recognition over a real socket, with real photographs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use image::{GenericImageView, ImageFormat};
use reqwest::{Client, Response};
use serde_json::Value;
use std::path::PathBuf;

/// Where faces are in `family.jpg`: the middle of each, in pixels.
const FAMILY: [(f64, f64); 4] = [(96.0, 153.0), (245.0, 124.0), (369.0, 177.0), (520.0, 99.0)];

/// Starts the function for the time of one test, and answers its URL.
async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = face_recognition::router().unwrap();
    tokio::spawn(function_runtime::serve_until(listener, router, std::future::pending()));
    url
}

/// A photograph of the test data, which is not part of the repository.
fn photograph(name: &str) -> Vec<u8> {
    let data = std::env::var_os("P2PFAAS_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = data.join("images").join(name);
    std::fs::read(&path).unwrap_or_else(|cause| {
        panic!("the photograph {} is needed (P2PFAAS_TEST_DATA says where): {cause}", path.display())
    })
}

async fn post(url: &str, body: impl Into<reqwest::Body>) -> Response {
    Client::new().post(url).body(body).send().await.unwrap()
}

async fn refusal(answer: Response, status: u16) -> String {
    assert_eq!(answer.status(), status);
    answer.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned()
}

/// Asserts that the answer has one face around each of the points, and no other.
fn assert_faces(answer: &Value, points: &[(f64, f64)]) {
    let faces = answer["faces"].as_array().unwrap();
    assert_eq!(faces.len(), points.len(), "{answer}");
    for (x, y) in points {
        let around = faces.iter().filter(|face| {
            let number = |key: &str| face[key].as_f64().unwrap();
            let within = |point: f64, start: f64, length: f64| (start..start + length).contains(&point);
            within(*x, number("x"), number("width")) && within(*y, number("y"), number("height"))
        });
        assert_eq!(around.count(), 1, "a face around {x}, {y} in {answer}");
    }
}

#[tokio::test]
async fn the_faces_of_a_family_are_found() {
    let url = start().await;
    let answer: Value = post(&url, photograph("family.jpg")).await.json().await.unwrap();
    assert_eq!((&answer["width"], &answer["height"]), (&640.into(), &420.into()));
    assert_faces(&answer, &FAMILY);
}

#[tokio::test]
async fn the_faces_of_a_small_photograph_are_found_in_its_own_pixels() {
    let url = start().await;
    let answer: Value = post(&url, photograph("familyr_320p.jpg")).await.json().await.unwrap();
    assert_eq!((&answer["width"], &answer["height"]), (&320.into(), &210.into()));
    assert_faces(&answer, &[(50.0, 77.0), (122.0, 60.0), (184.0, 88.0), (260.0, 50.0)]);
}

#[tokio::test]
async fn a_large_photograph_gives_the_same_faces() {
    let url = start().await;
    let large = image::load_from_memory(&photograph("family.jpg")).unwrap().resize_exact(
        640 * 4,
        420 * 4,
        image::imageops::FilterType::Triangle,
    );
    let bytes = face_recognition::draw::encode(large, ImageFormat::Jpeg).unwrap();
    let answer: Value = post(&url, bytes).await.json().await.unwrap();
    assert_faces(&answer, &FAMILY.map(|(x, y)| (x * 4.0, y * 4.0)));
}

#[tokio::test]
async fn json_is_read_whatever_it_is_called() {
    use base64::Engine;
    let url = start().await;
    let encoded = base64::prelude::BASE64_STANDARD.encode(photograph("family.jpg"));
    let body = serde_json::json!({ "image": encoded }).to_string();
    for content_type in ["application/json", "application/x-www-form-urlencoded", "image/jpeg"] {
        let request = Client::new().post(&url).header("content-type", content_type).body(body.clone());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_faces(&answer, &FAMILY);
    }
}

#[tokio::test]
async fn the_picture_comes_back_with_boxes_in_its_format() {
    let url = format!("{}/?output=image", start().await);
    let jpeg = photograph("family.jpg");
    let original = image::load_from_memory(&jpeg).unwrap();
    let png = face_recognition::draw::encode(original.clone(), ImageFormat::Png).unwrap();
    for (bytes, format) in [(jpeg, ImageFormat::Jpeg), (png, ImageFormat::Png)] {
        let answer = post(&url, bytes).await;
        assert_eq!(answer.headers()["content-type"], format.to_mime_type());
        let drawn = image::load_from_memory_with_format(&answer.bytes().await.unwrap(), format).unwrap();
        assert_eq!(drawn.dimensions(), original.dimensions());
        let is_green = |colour: [u8; 4]| colour[1] > 180 && colour[0] < 90 && colour[2] < 130;
        let green = |picture: &image::DynamicImage| {
            picture.to_rgba8().pixels().filter(|pixel| is_green(pixel.0)).count()
        };
        assert!(green(&drawn) > green(&original) + 500, "{} {}", green(&drawn), green(&original));
    }
}

#[tokio::test]
async fn what_is_no_picture_is_400_with_a_reason() {
    let url = start().await;
    assert!(refusal(post(&url, "").await, 400).await.contains("no body"));
    assert!(refusal(post(&url, "hello").await, 400).await.contains("not a JPEG or PNG"));
    let placeholder = post(&url, r#"{"image": "base64_image_data"}"#).await;
    assert!(refusal(placeholder, 400).await.contains("\"image\" is not base64"));
    let wish = post(&format!("{url}/?output=video"), "").await;
    assert!(refusal(wish, 400).await.contains("expected `json` or `image`"));
}

#[tokio::test]
async fn too_many_pixels_are_413() {
    let url = start().await;
    let line = image::DynamicImage::new_luma8(24_000_001, 1);
    let bytes = face_recognition::draw::encode(line, ImageFormat::Png).unwrap();
    assert!(refusal(post(&url, bytes).await, 413).await.contains("more than the allowed 24000000"));
}

#[tokio::test]
async fn calls_beyond_the_cores_wait_and_are_all_answered() {
    let url = start().await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (url, body) = (url.clone(), photograph("familyr_320p.jpg"));
            tokio::spawn(async move { post(&url, body).await.json::<Value>().await.unwrap() })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap()["faces"].as_array().unwrap().len(), 4);
    }
}
