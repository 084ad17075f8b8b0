//! What a file may cost before it is refused. The caller chooses once, from its settings.

/// Bounds on what [`inspect`](crate::inspect) decodes. Beyond any of them a picture is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Width times height.
    pub max_pixels: u64,
    /// Width and height each.
    pub max_side: u32,
    /// An image file's own size: it is held in memory.
    pub max_image_bytes: u64,
    /// Frames of an animation.
    pub max_frames: u32,
    /// Pixels of all frames of an animation together.
    pub max_animation_pixels: u64,
    /// What may be needed at once for a picture: the file, the decoded picture and what its
    /// decoder needs besides.
    pub max_memory_bytes: u64,
}

impl Limits {
    /// No bounds, for what is taken apart and never decoded.
    pub(crate) const NONE: Limits = Limits {
        max_pixels: u64::MAX,
        max_side: u32::MAX,
        max_image_bytes: u64::MAX,
        max_frames: u32::MAX,
        max_animation_pixels: u64::MAX,
        max_memory_bytes: u64::MAX,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_pixels: 50_000_000,
            max_side: 16_384,
            max_image_bytes: 32 << 20,
            max_frames: 300,
            max_animation_pixels: 150_000_000,
            max_memory_bytes: 160_000_000,
        }
    }
}
