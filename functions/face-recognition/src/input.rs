//! What a caller sends: a picture as it is, or as base64 inside JSON.
//!
//! The bytes tell which of the two it is, not the content type, because `curl -d` calls everything a form.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::Cursor;

/// 24 megapixels, the most that common cameras take. A file of a few kilobytes may claim far more, and
/// would fill the memory of a node.
const PIXELS_MAX: u64 = 24_000_000;

/// What a decoder may allocate: the bound of pixels at eight bytes each, the widest format there is.
const DECODER_BYTES_MAX: u64 = PIXELS_MAX * 8;

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture, upright, and the format it came in.
#[derive(Debug)]
pub struct Picture {
    /// Its pixels.
    pub image: DynamicImage,
    /// [`ImageFormat::Jpeg`] or [`ImageFormat::Png`].
    pub format: ImageFormat,
}

/// Why a body is not a picture.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// There is nothing in it.
    #[error("the request has no body: send a JPEG or PNG picture, or JSON like {{\"image\": \"<base64>\"}}")]
    Empty,
    /// It begins like JSON, but is not what is expected.
    #[error("the body must be JSON like {{\"image\": \"<base64>\"}}: {0}")]
    Json(#[source] serde_json::Error),
    /// The JSON is fine, its picture is not base64.
    #[error("\"image\" is not base64: {0}")]
    Base64(#[source] base64::DecodeError),
    /// The JSON is fine, and its picture is empty.
    #[error("\"image\" is empty: it must be a JPEG or PNG picture in base64")]
    EmptyImage,
    /// The bytes are of no picture, or of a kind that the function does not read.
    #[error("the {bytes} bytes sent are not a JPEG or PNG picture")]
    Format {
        /// How many bytes there were.
        bytes: usize,
    },
    /// The picture is damaged, or would need too much memory.
    #[error("the picture cannot be decoded: {0}")]
    Decode(#[source] image::ImageError),
    /// The picture is larger than the function takes.
    #[error("the picture has {width} x {height} pixels, more than the allowed {PIXELS_MAX}")]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    image: Cow<'a, str>,
}

/// Reads the picture out of a request's body.
///
/// A photograph that its camera marked as lying on its side is turned upright: the detector knows upright
/// faces only, and every viewer shows it so.
pub fn read(body: &[u8]) -> Result<Picture, InputError> {
    decode(&unwrap(body)?)
}

/// The bytes of the picture's file.
fn unwrap(body: &[u8]) -> Result<Cow<'_, [u8]>, InputError> {
    match body.trim_ascii_start().first() {
        None => Err(InputError::Empty),
        Some(b'{') => {
            let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(InputError::Json)?;
            from_base64(&envelope.image).map(Cow::Owned)
        }
        Some(_) => Ok(Cow::Borrowed(body)),
    }
}

/// Base64, also with the prefix of a data URL, and with the line breaks of the tool that made it.
fn from_base64(text: &str) -> Result<Vec<u8>, InputError> {
    let encoded = match text.trim_start().strip_prefix("data:") {
        Some(url) => url.split_once(',').map_or(url, |(_, data)| data),
        None => text,
    };
    let compact: Vec<u8> = encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    match BASE64.decode(compact).map_err(InputError::Base64)? {
        bytes if bytes.is_empty() => Err(InputError::EmptyImage),
        bytes => Ok(bytes),
    }
}

fn decode(bytes: &[u8]) -> Result<Picture, InputError> {
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => format,
        _ => return Err(InputError::Format { bytes: bytes.len() }),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(InputError::Decode)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(InputError::TooManyPixels { width, height });
    }
    let orientation = decoder.orientation().map_err(InputError::Decode)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(InputError::Decode)?;
    image.apply_orientation(orientation);
    Ok(Picture { image, format })
}

#[cfg(test)]
mod tests;
