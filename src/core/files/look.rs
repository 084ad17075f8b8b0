//! Examines uploads: what they are, and what may be kept of them.
//!
//! This takes memory and time, so it runs on threads that may block, a few at once; the others
//! wait. What its uploader says can make a file a voice message or a document, but never a picture.
//! Called by `keep` and `pictures`.

use std::io::{self, Cursor};
use std::str::FromStr;
use std::time::Duration;

use media::{Kind, Limits, Media, Refusal};

use super::Files;
use crate::error::{Code, Error, Result, Text};
use crate::model::files::{Digest, FileFacts, FileKind, FileName, size_in_words};
use crate::objects::PIECE;
use crate::objects::whole::Whole;

/// Nothing that people send plays for longer.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const EMPTY: Text = Text { en: "The file is empty.", es: "El archivo está vacío." };
const DAMAGED: Text = Text {
    en: "The picture is damaged and cannot be shown. Send it as a document, or export it again.",
    es: "La imagen está dañada y no se puede mostrar. Envíala como documento o créala de nuevo.",
};
const UNSUPPORTED: Text = Text {
    en: "Few programs can show this kind of picture. Send it as a document, or as JPEG or PNG.",
    es: "Casi ningún programa puede mostrar este tipo de imagen. Envíala como documento, o como \
         JPEG o PNG.",
};
const PIXELS: Text = Text {
    en: "The picture has {} pixels; the limit is {}. Make it smaller, or send it as a document.",
    es: "La imagen tiene {} píxeles; se pueden mostrar como máximo {}. Redúcela o envíala como \
         documento.",
};
const SIDE: Text = Text {
    en: "One side of the picture has {} pixels; the limit is {}. Make it smaller, or send it as a \
         document.",
    es: "Un lado de la imagen tiene {} píxeles; se pueden mostrar como máximo {}. Redúcela o \
         envíala como documento.",
};
const BYTES: Text = Text {
    en: "The picture is {} large; the limit is {}. Make it smaller, or send it as a document.",
    es: "La imagen tiene {}; puede tener como máximo {}. Redúcela o envíala como documento.",
};
const FRAMES: Text = Text {
    en: "The animation has more than {} frames. Send it as a video or as a document.",
    es: "La animación tiene más de {} fotogramas. Envíala como vídeo o como documento.",
};
const ANIMATION: Text = Text {
    en: "The frames of the animation have more than {} pixels in total. Send it as a video or as a \
         document.",
    es: "Los fotogramas de la animación suman más de {} píxeles. Envíala como vídeo o como \
         documento.",
};
const MEMORY: Text = Text {
    en: "The picture would need {} of memory to show; the limit is {}. Send it as a document.",
    es: "Mostrar la imagen necesitaría {} de memoria; se permiten como máximo {}. Envíala \
         como documento.",
};
const NO_SOUND: Text = Text {
    en: "This file has no sound, so it cannot be a voice message. Send it without kind=voice.",
    es: "Un mensaje de voz es sonido y este archivo no lo es. Envíalo sin kind=voice.",
};
const NO_IMAGE: Text = Text {
    en: "This is not a picture that can be shown. Send JPEG, PNG, GIF or WebP.",
    es: "Esto no es una imagen que se pueda mostrar. Envía JPEG, PNG, GIF o WebP.",
};
const NO_KIND: Text = Text {
    en: "The kind of a file is auto, voice or document.",
    es: "Un archivo se envía como auto, voice o document.",
};

/// What a file is meant as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meant {
    /// What it is by its content.
    #[default]
    Auto,
    /// A spoken message.
    Voice,
    /// Kept as it is, and never shown in place.
    Document,
}

/// What its uploader says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim {
    /// What it is meant as.
    pub meant: Meant,
    /// How long it plays, believed where the content does not say.
    pub duration: Option<Duration>,
}

impl Claim {
    /// What `kind` and `duration_ms` of a request say.
    pub fn of(kind: Option<&str>, duration_ms: Option<u64>) -> Result<Self> {
        let meant = match kind {
            None | Some("auto") => Meant::Auto,
            Some("voice") => Meant::Voice,
            Some("document") => Meant::Document,
            Some(_) => return Err(Error::field("kind", NO_KIND)),
        };
        Ok(Self { meant, duration: duration_ms.map(Duration::from_millis) })
    }

    /// As the staging keeps it.
    pub(super) fn written(self) -> String {
        let kind = match self.meant {
            Meant::Auto => "auto",
            Meant::Voice => "voice",
            Meant::Document => "document",
        };
        match self.duration {
            Some(duration) => format!("{kind} {}", duration.as_millis()),
            None => kind.to_owned(),
        }
    }
}

impl FromStr for Claim {
    type Err = Error;

    /// Reads what `written` wrote.
    fn from_str(text: &str) -> Result<Self> {
        let (kind, millis) = text.split_once(' ').unwrap_or((text, ""));
        Self::of(Some(kind), millis.parse().ok())
    }
}

/// Bytes that we made, in place of an upload or beside it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) media_type: String,
}

/// What was found out about an upload.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub(super) facts: FileFacts,
    /// Stored in place of the upload.
    pub(super) cleaned: Option<Vec<u8>>,
    /// The digest of the upload, which is kept as it lies there.
    pub(super) digest: Digest,
    pub(super) small: Option<Made>,
    pub(super) large: Option<Made>,
}

/// A picture that came within a request and was examined.
#[derive(Debug, Clone)]
pub struct Picture {
    pub(super) media: Box<Media>,
    /// What is to be stored of it.
    pub(super) bytes: Vec<u8>,
}

impl Files {
    /// Looks at an upload.
    pub(super) async fn look(
        &self,
        whole: Whole,
        name: FileName,
        claim: Claim,
        poster: Option<Picture>,
    ) -> Result<Looked> {
        let limits = Limits { max_image_bytes: self.rules.image, ..Limits::default() };
        let looked = self.aside(move || look_at(&whole, name, claim, &limits)).await?;
        Ok(with_poster(looked, poster))
    }

    /// Looks at a picture that came within a request: a person's from the start, or one that stands
    /// for a film.
    pub async fn look_at_picture(&self, field: &'static str, bytes: Vec<u8>) -> Result<Picture> {
        let limits = Limits { max_pixels: 25_000_000, ..Limits::default() };
        let looked = self.aside(move || {
            let size = bytes.len() as u64;
            let mut media = inspected(&mut Cursor::new(&bytes), size, &limits)?;
            let bytes = media.cleaned.take().unwrap_or(bytes);
            Ok(Picture { media: Box::new(media), bytes })
        });
        let picture = looked.await.map_err(|error| as_field(error, field))?;
        match picture.media.kind {
            Kind::Image => Ok(picture),
            Kind::Video | Kind::Audio | Kind::Document => Err(Error::field(field, NO_IMAGE)),
        }
    }

    /// Runs what looks at a file, with few others at once; to its end, also when nobody waits.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.looks.clone().acquire_owned().await.map_err(Error::internal)?;
        let looked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        looked.await.map_err(Error::internal)?
    }
}

fn look_at(whole: &Whole, name: FileName, claim: Claim, limits: &Limits) -> Result<Looked> {
    if claim.meant == Meant::Document {
        return Ok(kept_as_it_is(whole, name));
    }
    let media = match media::inspect(&mut whole.read()?, whole.size, limits) {
        Err(refusal) if claim.meant == Meant::Auto && is_beyond_showing(refusal) => {
            return as_document(whole, name, refusal, limits);
        }
        looked => looked.map_err(refused)?,
    };
    let kind = kind_of(&media, claim)?;
    let digest = match kind {
        FileKind::Image | FileKind::Document => whole.digest,
        // An earlier attempt may have blanked what this one finds blank.
        FileKind::Video | FileKind::Audio | FileKind::Voice => {
            whole.rewrite(|file| media::erase(file, &media.erasures))?
        }
    };
    let duration = media.duration.or(claim.duration.filter(|_| kind.plays()));
    let size = media.cleaned.as_ref().map_or(whole.size, |bytes| bytes.len() as u64);
    let media_type = media::named(media.media_type, name.as_str());
    let facts = FileFacts {
        kind,
        media_type: media_type.to_owned(),
        name: name.ending_as(media_type),
        size,
        dimensions: media.width.zip(media.height),
        duration: duration.map(|duration| duration.min(LONGEST)),
        thumbhash: media.thumbhash,
        animated: media.animated,
        small: media.small.is_some(),
        large: media.large.is_some(),
    };
    let (small, large) = (media.small.map(made), media.large.map(made));
    Ok(Looked { facts, cleaned: media.cleaned, digest, small, large })
}

/// A picture that cannot be shown, as a document. What it may tell of place or camera is taken out;
/// where that cannot be done, only its uploader can say that it is to be sent.
fn as_document(whole: &Whole, name: FileName, refusal: Refusal, limits: &Limits) -> Result<Looked> {
    let mut looked = kept_as_it_is(whole, name);
    if tells_more(whole.read()?)? {
        let alone = media::without_metadata(&mut whole.read()?, whole.size, limits.max_image_bytes);
        let alone = alone.ok_or_else(|| refused(refusal))?;
        looked.facts.size = alone.len() as u64;
        looked.cleaned = Some(alone);
    }
    Ok(looked)
}

/// Whether a picture is refused because it cannot be shown: then it may still be sent. How large
/// pictures may be is for the operator to say.
const fn is_beyond_showing(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Damaged(_)
        | Refusal::Unsupported(_)
        | Refusal::TooManyPixels { .. }
        | Refusal::SideTooLong { .. }
        | Refusal::TooManyFrames { .. }
        | Refusal::AnimationTooLarge { .. }
        | Refusal::TooMuchMemory { .. } => true,
        Refusal::Empty | Refusal::TooManyBytes { .. } | Refusal::Unreadable(_) => false,
    }
}

/// Whether a picture may tell of place, camera or person.
fn tells_more(mut file: impl io::Read) -> Result<bool> {
    const SIGNS: [&[u8]; 4] = [b"Exif", b"eXIf", b"EXIF", b"ns.adobe.com"];
    const LONGEST_SIGN: usize = 12;
    let mut piece = vec![0; PIECE];
    let mut kept = 0;
    loop {
        let count = file.read(&mut piece[kept..]).map_err(Error::unavailable)?;
        let seen = &piece[..kept + count];
        if SIGNS.iter().any(|sign| seen.windows(sign.len()).any(|part| part == *sign)) {
            return Ok(true);
        }
        if count == 0 {
            return Ok(false);
        }
        // A sign may stand across two pieces.
        let from = seen.len().saturating_sub(LONGEST_SIGN);
        let length = seen.len() - from;
        piece.copy_within(from..from + length, 0);
        kept = length;
    }
}

/// A document as its uploader wants it, or what cannot be shown: just bytes to those who fetch it.
fn kept_as_it_is(whole: &Whole, name: FileName) -> Looked {
    let facts = FileFacts::document("application/octet-stream", name, whole.size);
    Looked { facts, cleaned: None, digest: whole.digest, small: None, large: None }
}

fn kind_of(media: &Media, claim: Claim) -> Result<FileKind> {
    match (media.kind, claim.meant) {
        (Kind::Audio, Meant::Voice) => Ok(FileKind::Voice),
        (_, Meant::Voice) => Err(Error::new(Code::UnsupportedMedia, NO_SOUND).on("kind")),
        (Kind::Image, _) => Ok(FileKind::Image),
        (Kind::Video, _) => Ok(FileKind::Video),
        (Kind::Audio, _) => Ok(FileKind::Audio),
        (Kind::Document, _) => Ok(FileKind::Document),
    }
}

fn made(picture: media::Picture) -> Made {
    Made { bytes: picture.bytes, media_type: picture.media_type.to_owned() }
}

/// A film with the picture to show until it plays.
fn with_poster(mut looked: Looked, poster: Option<Picture>) -> Looked {
    let Some(poster) = poster.filter(|_| looked.facts.kind == FileKind::Video) else {
        return looked;
    };
    let Picture { media, bytes } = poster;
    let whole = Made { bytes, media_type: media.media_type.to_owned() };
    looked.small = Some(media.small.map_or(whole, made));
    looked.large = media.large.map(made);
    looked.facts.thumbhash = media.thumbhash;
    looked.facts.small = looked.small.is_some();
    looked.facts.large = looked.large.is_some();
    looked
}

fn inspected<R: io::Read + io::Seek>(source: &mut R, size: u64, limits: &Limits) -> Result<Media> {
    media::inspect(source, size, limits).map_err(refused)
}

/// A refusal as that of a field, within a request that is about more than a file.
fn as_field(mut error: Error, field: &'static str) -> Error {
    if matches!(error.code, Code::UnsupportedMedia | Code::TooLarge) {
        error.code = Code::BadField;
        error = error.on(field);
    }
    error
}

/// Why a file is refused, for its uploader.
fn refused(refusal: Refusal) -> Error {
    let content = |text| Error::new(Code::UnsupportedMedia, text);
    let of = |text, is: u64, most: u64| content(text).arg(is.to_string()).arg(most.to_string());
    match refusal {
        Refusal::Empty => content(EMPTY),
        Refusal::Damaged(why) => content(DAMAGED).caused_by(why),
        Refusal::Unsupported(why) => content(UNSUPPORTED).caused_by(why),
        Refusal::TooManyPixels { pixels, max } => of(PIXELS, pixels, max),
        Refusal::SideTooLong { pixels, max } => of(SIDE, pixels.into(), max.into()),
        Refusal::TooManyBytes { bytes, max } => {
            Error::new(Code::TooLarge, BYTES).arg(size_in_words(bytes)).arg(size_in_words(max))
        }
        Refusal::TooManyFrames { max } => content(FRAMES).arg(max.to_string()),
        Refusal::AnimationTooLarge { max } => content(ANIMATION).arg(max.to_string()),
        Refusal::TooMuchMemory { bytes, max } => {
            content(MEMORY).arg(size_in_words(bytes)).arg(size_in_words(max))
        }
        Refusal::Unreadable(kind) => Error::unavailable(io::Error::from(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_back_as_written() {
        for meant in [Meant::Auto, Meant::Voice, Meant::Document] {
            for duration in [None, Some(Duration::from_millis(12_345))] {
                let claim = Claim { meant, duration };
                assert_eq!(claim.written().parse::<Claim>().ok(), Some(claim));
            }
        }
        let refused = Claim::of(Some("image"), None).expect_err("nobody says what a picture is");
        assert_eq!(refused.field.as_deref(), Some("kind"));
    }
}
