use offload_core::Errno;
use std::fmt;

/// What a call returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing: the function is void.
    Void,
    /// A number that is not negative; booleans are 0 and 1.
    Number(u32),
    /// A negative error number.
    Error(Errno),
    /// A pointer: whether it is not `NULL`. Where it points to differs from machine to machine.
    Pointer(bool),
}

impl Value {
    /// With error numbers as `%d` prints them: -11 for `-EAGAIN`.
    pub fn as_number(self) -> String {
        match self {
            Self::Error(errno) => errno.as_raw().to_string(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Void => f.write_str("void"),
            Self::Number(number) => number.fmt(f),
            Self::Error(errno) => errno.fmt(f),
            Self::Pointer(true) => f.write_str("ptr"),
            Self::Pointer(false) => f.write_str("NULL"),
        }
    }
}

impl From<Result<(), Errno>> for Value {
    fn from(result: Result<(), Errno>) -> Self {
        result.map_or_else(Self::Error, |()| Self::Number(0))
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Number(truth.into())
    }
}

/// One call and what it returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The line of the text, from 1.
    pub line: usize,
    /// The call as it is written there.
    pub call: String,
    /// What it returned.
    pub value: Value,
}

impl fmt::Display for Answer {
    /// `3: usb_offload_get 1-1 = 0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} = {}", self.line, self.call, self.value)
    }
}

/// The calls of a run in the order in which they returned.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Recording {
    /// Every call, void ones too.
    pub answers: Vec<Answer>,
}

impl Recording {
    /// What is compared with a kernel: every value that is not void, as text.
    pub fn values(&self) -> impl Iterator<Item = String> {
        self.answers
            .iter()
            .filter(|answer| answer.value != Value::Void)
            .map(|answer| answer.value.to_string())
    }
}
