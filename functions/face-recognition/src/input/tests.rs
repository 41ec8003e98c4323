use super::*;
use base64::prelude::BASE64_STANDARD;

fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Puts an EXIF segment behind the start of a JPEG file that says how the camera was held.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// Makes a JPEG file claim another size than it has.
fn with_claimed_size(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

fn reason(body: &[u8]) -> String {
    read(body).unwrap_err().to_string()
}

#[test]
fn a_picture_is_read_raw_and_from_json() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let raw = file(30, 20, format);
        let base64 = BASE64_STANDARD.encode(&raw);
        let unpadded = base64.trim_end_matches('=');
        for body in [
            raw,
            format!(r#"{{"image": "{base64}"}}"#).into_bytes(),
            format!(r#" {{"other": 1, "image": "{unpadded}"}}"#).into_bytes(),
            format!(r#"{{"image": "data:image/any;base64,{base64}"}}"#).into_bytes(),
            format!(r#"{{"image": "{}\n{}\r\n"}}"#, &base64[..9], &base64[9..]).into_bytes(),
        ] {
            let picture = read(&body).unwrap();
            assert_eq!((picture.image.width(), picture.image.height()), (30, 20));
            assert_eq!(picture.format, format);
        }
    }
}

#[test]
fn a_picture_on_its_side_is_turned_upright() {
    let jpeg = file(30, 20, ImageFormat::Jpeg);
    let upright = read(&with_orientation(&jpeg, 1)).unwrap().image;
    assert_eq!((upright.width(), upright.height()), (30, 20));
    let turned = read(&with_orientation(&jpeg, 6)).unwrap().image;
    assert_eq!((turned.width(), turned.height()), (20, 30));
}

#[test]
fn what_is_no_picture_is_told_with_its_reason() {
    for (body, expected) in [
        ("", "the request has no body"),
        (" \n", "the request has no body"),
        ("hello", "the 5 bytes sent are not a JPEG or PNG picture"),
        ("GIF89a......", "are not a JPEG or PNG picture"),
        ("{", "must be JSON like"),
        (r#"{"picture": ""}"#, "missing field `image`"),
        (r#"{"image": 7}"#, "must be JSON like"),
        (r#"{"image": ""}"#, "\"image\" is empty"),
        (r#"{"image": "base64_image_data"}"#, "\"image\" is not base64: Invalid symbol 95"),
        (r#"{"image": "aGVsbG8="}"#, "the 5 bytes sent are not a JPEG or PNG picture"),
    ] {
        assert!(reason(body.as_bytes()).contains(expected), "{body}: {}", reason(body.as_bytes()));
    }
}

#[test]
fn a_damaged_picture_is_refused() {
    let png = file(30, 20, ImageFormat::Png);
    assert!(reason(&png[..png.len() / 2]).contains("cannot be decoded"));
    assert!(reason(&png[..10]).contains("cannot be decoded"));
}

#[test]
fn a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded() {
    let bomb = with_claimed_size(file(8, 8, ImageFormat::Jpeg), 65_500, 65_500);
    assert!(matches!(read(&bomb), Err(InputError::TooManyPixels { width: 65_500, height: 65_500 })));
    let line = file(u32::try_from(PIXELS_MAX).unwrap() + 1, 1, ImageFormat::Png);
    assert!(matches!(read(&line), Err(InputError::TooManyPixels { .. })));
}
