//! Why a file is refused: stable cases, from which the caller makes texts for people.

use std::io;

use crate::Limits;

/// Why a file cannot be taken. All but [`Refusal::Unreadable`] are about the file itself: trying
/// again gives the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The head says what the file is, and the rest does not hold to it. The words are for a log.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// A variant of a known format that next to no program shows. The words are for a log.
    #[error("this kind of picture cannot be shown: {0}")]
    Unsupported(&'static str),
    /// More than [`Limits::max_pixels`].
    #[error("the picture has {pixels} pixels, more than {max}")]
    TooManyPixels {
        /// Width times height.
        pixels: u64,
        /// The limit.
        max: u64,
    },
    /// A side longer than [`Limits::max_side`].
    #[error("a side of the picture has {pixels} pixels, more than {max}")]
    SideTooLong {
        /// The longer side.
        pixels: u32,
        /// The limit.
        max: u32,
    },
    /// An image file larger than [`Limits::max_image_bytes`], or one that would become so.
    #[error("the picture has {bytes} bytes, more than {max}")]
    TooManyBytes {
        /// The file's size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// More frames than [`Limits::max_frames`].
    #[error("the animation has more than {max} frames")]
    TooManyFrames {
        /// The limit.
        max: u32,
    },
    /// More pixels in all frames than [`Limits::max_animation_pixels`].
    #[error("the frames of the animation have more than {max} pixels together")]
    AnimationTooLarge {
        /// The limit.
        max: u64,
    },
    /// Decoding would need more than [`Limits::max_memory_bytes`].
    #[error("the picture needs {bytes} bytes of memory, more than {max}")]
    TooMuchMemory {
        /// The estimate.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The source failed: the disk's fault, not the file's.
    #[error("the file could not be read: {0}")]
    Unreadable(io::ErrorKind),
}

impl Refusal {
    /// A stable word for each case, for an interface and a log.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Empty => "file_empty",
            Refusal::Damaged(_) => "file_damaged",
            Refusal::Unsupported(_) => "picture_unsupported",
            Refusal::TooManyPixels { .. } => "picture_too_many_pixels",
            Refusal::SideTooLong { .. } => "picture_side_too_long",
            Refusal::TooManyBytes { .. } => "picture_too_many_bytes",
            Refusal::TooManyFrames { .. } => "animation_too_many_frames",
            Refusal::AnimationTooLarge { .. } => "animation_too_large",
            Refusal::TooMuchMemory { .. } => "picture_too_much_memory",
            Refusal::Unreadable(_) => "file_unreadable",
        }
    }
}

impl Limits {
    /// Refuses a picture by its sides, before anything is decoded.
    pub(crate) fn check_sides(&self, width: u32, height: u32) -> Result<(), Refusal> {
        if width == 0 || height == 0 {
            return Err(Refusal::Damaged("a side has no pixels"));
        }
        let (pixels, max) = (u64::from(width) * u64::from(height), self.max_pixels);
        if pixels > max {
            return Err(Refusal::TooManyPixels { pixels, max });
        }
        let (pixels, max) = (width.max(height), self.max_side);
        if pixels > max {
            return Err(Refusal::SideTooLong { pixels, max });
        }
        Ok(())
    }

    /// Refuses what would need too much memory at once.
    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), Refusal> {
        let max = self.max_memory_bytes;
        if bytes > max { Err(Refusal::TooMuchMemory { bytes, max }) } else { Ok(()) }
    }

    /// Refuses an image file, or what is to take its place, by its size.
    pub(crate) fn check_bytes(&self, bytes: u64) -> Result<(), Refusal> {
        let max = self.max_image_bytes;
        if bytes > max { Err(Refusal::TooManyBytes { bytes, max }) } else { Ok(()) }
    }

    /// Refuses an animation by the frames that were met so far.
    pub(crate) fn check_frames(&self, frames: u64, pixels: u64) -> Result<(), Refusal> {
        if frames > u64::from(self.max_frames) {
            return Err(Refusal::TooManyFrames { max: self.max_frames });
        }
        let max = self.max_animation_pixels;
        if frames > 1 && pixels > max { Err(Refusal::AnimationTooLarge { max }) } else { Ok(()) }
    }
}
