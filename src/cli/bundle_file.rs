//! A FILE that must be a bundle: opened, and what it is if it is none.

use std::{
    fs::File,
    io::{self, Cursor, Read, Seek},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};

use crate::{
    bundle::{ReadError, Reason},
    capture::{Input, Named, Place},
};

/// The most that is read of what can be read only once, and so is held in memory.
const MAX_STREAM: u64 = 200 << 20;

/// What bundles are read from.
pub(super) trait Bytes: Read + Seek {}

impl<T: Read + Seek> Bytes for T {}

/// Opens the file at `text`, or standard input for `-`.
pub(super) fn open(text: &str) -> anyhow::Result<Box<dyn Bytes>> {
    let path = match text.parse()? {
        Place::Stdin => return stream(text, io::stdin().lock()),
        Place::Endpoint(endpoint) => bail!(
            "{endpoint}: a URL, and no bundle; `xdsnap capture -o NEW {endpoint}` makes a bundle of what is there"
        ),
        Place::Path(path) => path,
    };
    let file = File::open(&path).with_context(|| text.to_owned())?;
    let metadata = file.metadata().with_context(|| text.to_owned())?;
    if metadata.is_dir() {
        bail!(
            "{text}: a folder, and no bundle; `xdsnap capture -o NEW {text}` makes a bundle of what is in it"
        );
    }
    if !metadata.is_file() {
        // A pipe, as in `<(curl …)`.
        return stream(text, file);
    }
    if metadata.len() == 0 {
        bail!("{text}: the file is empty");
    }
    Ok(Box::new(file))
}

fn stream(text: &str, stream: impl Read) -> anyhow::Result<Box<dyn Bytes>> {
    let mut bytes = Vec::new();
    let read = stream.take(MAX_STREAM + 1).read_to_end(&mut bytes);
    read.with_context(|| text.to_owned())?;
    if bytes.len() as u64 > MAX_STREAM {
        bail!("{text}: larger than 200 MiB; write it to a file first");
    }
    if bytes.is_empty() {
        bail!("{text}: nothing came; is what writes to it failing?");
    }
    Ok(Box::new(Cursor::new(bytes)))
}

/// Why what stands at `text` cannot be used; if it is another input, what it is.
pub(super) fn refusal(text: &str, error: ReadError) -> anyhow::Error {
    if !matches!(error.reason, Reason::NotABundle(_)) {
        return error.into();
    }
    let place = match text.parse() {
        Ok(Place::Path(path)) if path.is_file() => Place::Path(path),
        // It could be read once only.
        _ => {
            return anyhow!("{error}; `xdsnap capture -o NEW {text}` makes one of another input");
        }
    };
    let named = Named {
        place,
        source: None,
        label: None,
    };
    match Input::open(&[named], &[], &Arc::default()) {
        Ok(input) => match input.documents().next() {
            Some((path, _)) => anyhow!(
                "{text}: a `{}` of {}, and no bundle; `xdsnap capture -o NEW {text}` makes a bundle of it",
                path.document(),
                path.source()
            ),
            None => error.into(),
        },
        Err(error) => error.into(),
    }
}
