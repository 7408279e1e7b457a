//! What can be wrong with a frame.

use core::fmt;
use std::sync::Arc;

use crate::ids::CorrelationId;
use crate::protocol::ApiKey;

/// Why a frame's content could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// At which byte of the frame, its length field not counted.
    pub at: usize,
    /// What is wrong there.
    pub what: Malformation,
}

/// What is wrong at some byte of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformation {
    /// The frame ends within a field, or a length or count claims more than is left.
    CutShort,
    /// A length or count is negative, or a variable-length number has no end.
    Length,
    /// Null where there must be a value.
    Null,
    /// Text that is not UTF-8.
    Text,
    /// Bytes are left after the last field.
    Trailing,
    /// Decoded, it would take more memory than any honest message does.
    TooLarge,
    /// Bytes that should be record batches are not.
    Batch,
    /// The frame is said to be in a version that is not spoken here.
    Version,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Malformation::CutShort => "cut short",
            Malformation::Length => "a length out of bounds",
            Malformation::Null => "null where a value must be",
            Malformation::Text => "text that is not UTF-8",
            Malformation::Trailing => "bytes left after the last field",
            Malformation::TooLarge => "too large once decoded",
            Malformation::Batch => "not a record batch",
            Malformation::Version => "a version that is not spoken",
        };
        write!(f, "malformed frame: {what} at byte {}", self.at)
    }
}

impl std::error::Error for WireError {}

/// Why a request could not be read, sorted by what a broker does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// ApiVersions in a version unknown here: answer with
    /// [`unsupported_api_versions`](super::unsupported_api_versions), and the client comes again with a lower one (KIP-511).
    UnsupportedApiVersions {
        /// Of the request.
        correlation: CorrelationId,
    },
    /// An API that is not spoken here. Close the connection, as Kafka does.
    UnknownApi {
        /// Kafka's number of it.
        api_key: i16,
    },
    /// A version that is not spoken here. Close the connection, as Kafka does.
    UnsupportedVersion {
        /// Of which API.
        api: ApiKey,
        /// Which.
        version: i16,
    },
    /// Not a request. Close the connection.
    Malformed(WireError),
}

impl From<WireError> for RequestError {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedApiVersions { .. } => f.write_str("ApiVersions in a version that is not spoken here"),
            Self::UnknownApi { api_key } => write!(f, "API {api_key} is not spoken here"),
            Self::UnsupportedVersion { api, version } => write!(f, "{api:?} version {version} is not spoken here"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why a message has no wire form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The version is not spoken here.
    UnsupportedVersion {
        /// Of which API.
        api: ApiKey,
        /// Which.
        version: i16,
    },
    /// A field cannot be expressed in this version: a name too long, a value it has no field for.
    Refused {
        /// Of which API.
        api: ApiKey,
        /// In which version.
        version: i16,
        /// What the encoder says.
        detail: Arc<str>,
    },
    /// Longer than a frame's length field can say.
    TooLarge {
        /// Bytes the frame would have.
        bytes: usize,
    },
}

impl EncodeError {
    pub(super) fn refused(api: ApiKey, version: i16, detail: impl fmt::Display) -> Self {
        Self::Refused { api, version, detail: detail.to_string().into() }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion { api, version } => write!(f, "{api:?} version {version} is not spoken here"),
            Self::Refused { api, version, detail } => write!(f, "{api:?} version {version}: {detail}"),
            Self::TooLarge { bytes } => write!(f, "a frame of {bytes} bytes is too large"),
        }
    }
}

impl std::error::Error for EncodeError {}
