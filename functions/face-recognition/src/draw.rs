//! Shows the faces that were found: boxes on the picture, and the picture as a file again.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImage, ImageFormat, ImageResult, Rgba};
use std::io::Cursor;

use crate::detect::Face;

/// A green that no skin has.
const COLOUR: Rgba<u8> = Rgba([0, 230, 64, 255]);

/// A line is this part of the picture's longer side, so that it can be seen on a large one too.
const LINE_PART: u32 = 320;

/// Where a viewer no longer tells the picture from the original.
const JPEG_QUALITY: u8 = 90;

/// Draws a box around each face, in colours that `format` can carry.
pub fn boxes(image: DynamicImage, format: ImageFormat, faces: &[Face]) -> DynamicImage {
    let mut canvas = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.into_rgb8()),
        _ => DynamicImage::ImageRgba8(image.into_rgba8()),
    };
    let line = (canvas.width().max(canvas.height()) / LINE_PART).max(1);
    for face in faces {
        draw_box(&mut canvas, face, line);
    }
    canvas
}

/// The picture as the bytes of a file.
pub fn encode(image: DynamicImage, format: ImageFormat) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        ImageFormat::Jpeg => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?
        }
        _ => image.write_to(&mut Cursor::new(&mut bytes), format)?,
    }
    Ok(bytes)
}

/// Four filled edges, which lie inside the box.
fn draw_box(canvas: &mut DynamicImage, face: &Face, line: u32) {
    let (across, down) = (line.min(face.width), line.min(face.height));
    let (right, bottom) = (face.x + face.width - across, face.y + face.height - down);
    fill(canvas, (face.x, face.y), (face.width, down));
    fill(canvas, (face.x, bottom), (face.width, down));
    fill(canvas, (face.x, face.y), (across, face.height));
    fill(canvas, (right, face.y), (across, face.height));
}

fn fill(canvas: &mut DynamicImage, (left, top): (u32, u32), (width, height): (u32, u32)) {
    for y in top..(top + height).min(canvas.height()) {
        for x in left..(left + width).min(canvas.width()) {
            canvas.put_pixel(x, y, COLOUR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GenericImageView;

    fn square(x: u32, y: u32, side: u32) -> Face {
        Face { x, y, width: side, height: side, score: 10.0 }
    }

    #[test]
    fn a_box_lies_around_the_face_and_leaves_the_rest() {
        let drawn = boxes(DynamicImage::new_luma8(400, 300), ImageFormat::Png, &[square(10, 20, 50)]);
        for (x, y) in [(10, 20), (59, 20), (10, 69), (59, 69), (30, 20), (59, 40)] {
            assert_eq!(drawn.get_pixel(x, y), COLOUR, "{x}, {y}");
        }
        for (x, y) in [(9, 20), (60, 20), (10, 70), (30, 40), (11, 21)] {
            assert_ne!(drawn.get_pixel(x, y), COLOUR, "{x}, {y}");
        }
    }

    #[test]
    fn the_line_grows_with_the_picture_and_ends_at_its_edge() {
        let drawn = boxes(DynamicImage::new_rgb8(960, 640), ImageFormat::Jpeg, &[square(940, 600, 40)]);
        assert_eq!(drawn.get_pixel(942, 602), COLOUR);
        assert_ne!(drawn.get_pixel(943, 603), COLOUR);
        assert_eq!((drawn.width(), drawn.height()), (960, 640));
    }

    #[test]
    fn a_picture_is_encoded_in_its_format() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let bytes = encode(boxes(DynamicImage::new_rgba8(8, 8), format, &[]), format).unwrap();
            assert_eq!(image::guess_format(&bytes).unwrap(), format);
        }
    }
}
