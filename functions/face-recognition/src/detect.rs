//! Where the faces are: the SeetaFace detector of `rustface`, run on a picture of the size that suits it.

use image::GrayImage;
use image::imageops::{FilterType, resize};
use rustface::{FaceInfo, ImageData, Model, create_detector_with_model, read_model};
use serde::Serialize;
use std::borrow::Cow;

/// The model of the detector, out of the package of `rustface`.
static MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));

/// The detector's window, in pixels: it sees no face that is smaller, and no picture.
const WINDOW: u32 = 40;

/// Smaller pictures are scaled up until their longer side has so many pixels. A face is then found if it is at
/// least a sixteenth as wide as the picture, as in a photograph of a group.
const LONGER_SIDE_MIN: u32 = 640;

/// Larger pictures are scaled down, because the time of a detection grows with the pixels, and at this size it
/// still finds faces of a thirtieth of the width.
const LONGER_SIDE_MAX: u32 = 1280;

/// What the detector is less sure of is left out. On photographs faces score above 14, and what is none
/// below 3.
const SCORE_MIN: f64 = 4.0;

/// A face: a square in pixels of the picture, cut at its edges, and how sure the detector is of it (at least
/// 4, over 10 for a clear one).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Face {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// How wide it is.
    pub width: u32,
    /// How high it is.
    pub height: u32,
    /// The detector's score.
    pub score: f64,
}

/// A detector that can be used from several threads at once.
pub struct FaceDetector {
    model: Model,
}

impl FaceDetector {
    /// A detector with the embedded model; an error means that the build embedded something else.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { model: read_model(MODEL)? })
    }

    /// Finds the faces of a picture, the surest first.
    pub fn detect(&self, picture: &GrayImage) -> Vec<Face> {
        let (width, height) = picture.dimensions();
        let scaled = scale(picture);
        if scaled.width().min(scaled.height()) < WINDOW {
            return Vec::new();
        }
        // The detector keeps buffers while it works, so that each detection has one of its own.
        let mut detector = create_detector_with_model(self.model.clone());
        detector.set_score_thresh(SCORE_MIN);
        let found = detector.detect(&ImageData::new(scaled.as_raw(), scaled.width(), scaled.height()));
        let factor = f64::from(width) / f64::from(scaled.width());
        let mut faces: Vec<Face> =
            found.iter().filter_map(|info| face(info, factor, width, height)).collect();
        faces.sort_by(|one, other| other.score.total_cmp(&one.score));
        faces
    }
}

fn scale(picture: &GrayImage) -> Cow<'_, GrayImage> {
    let (width, height) = scaled_size(picture.width(), picture.height());
    if (width, height) == picture.dimensions() {
        return Cow::Borrowed(picture);
    }
    Cow::Owned(resize(picture, width, height, FilterType::Triangle))
}

/// The size a picture is searched at: its longer side within the bounds, its shape kept.
fn scaled_size(width: u32, height: u32) -> (u32, u32) {
    let longer = width.max(height).max(1);
    let target = longer.clamp(LONGER_SIDE_MIN, LONGER_SIDE_MAX);
    let scaled = |side: u32| (f64::from(side) * f64::from(target) / f64::from(longer)).round() as u32;
    (scaled(width), scaled(height))
}

/// Brings what was found on the scaled picture back onto the original one; `None` if it lies outside.
fn face(info: &FaceInfo, factor: f64, width: u32, height: u32) -> Option<Face> {
    let found = info.bbox();
    let span = |from: i32, length: u32, bound: u32| {
        let start = f64::from(from) * factor;
        let end = start + f64::from(length) * factor;
        let on_picture = |edge: f64| edge.round().clamp(0.0, f64::from(bound)) as u32;
        (on_picture(start), on_picture(end) - on_picture(start))
    };
    let (x, face_width) = span(found.x(), found.width(), width);
    let (y, face_height) = span(found.y(), found.height(), height);
    let visible = face_width > 0 && face_height > 0;
    visible.then(|| Face { x, y, width: face_width, height: face_height, score: info.score() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(x: i32, y: i32, side: u32) -> FaceInfo {
        let mut info = FaceInfo::new();
        info.bbox_mut().set_x(x);
        info.bbox_mut().set_y(y);
        info.bbox_mut().set_width(side);
        info.bbox_mut().set_height(side);
        info
    }

    #[test]
    fn a_picture_is_searched_at_a_size_within_the_bounds() {
        assert_eq!(scaled_size(320, 210), (640, 420));
        assert_eq!(scaled_size(800, 600), (800, 600));
        assert_eq!(scaled_size(3000, 4000), (960, 1280));
        assert_eq!(scaled_size(1, 1), (640, 640));
        assert_eq!(scaled_size(24_000_000, 1), (1280, 0));
    }

    #[test]
    fn a_face_comes_back_in_pixels_of_the_original_and_is_cut_at_its_edges() {
        let whole = face(&info(10, 20, 40), 0.5, 100, 100).unwrap();
        assert_eq!((whole.x, whole.y, whole.width, whole.height), (5, 10, 20, 20));
        let cut = face(&info(-10, 80, 40), 1.0, 100, 100).unwrap();
        assert_eq!((cut.x, cut.y, cut.width, cut.height), (0, 80, 30, 20));
        assert_eq!(face(&info(-50, 0, 40), 1.0, 100, 100), None);
        assert_eq!(face(&info(100, 0, 40), 1.0, 100, 100), None);
    }

    #[test]
    fn pictures_without_faces_have_none() {
        let detector = FaceDetector::new().unwrap();
        for (width, height) in [(1, 1), (5, 4000), (4000, 5), (64, 64), (640, 420)] {
            let noise = GrayImage::from_fn(width, height, |x, y| image::Luma([((x * 31) ^ (y * 57)) as u8]));
            assert_eq!(detector.detect(&noise), [], "{width} x {height}");
        }
    }
}
