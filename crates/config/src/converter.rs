//! What makes samples of samples, as values (configuration.txt §7.3.1). They are read in `converter_reader.rs`.

use crate::balance::HashFunction;
use crate::http_rule::Variable;
use crate::pattern::Compare;
use crate::source::Spanned;
use crate::time_text::TimeText;

/// What makes a sample of a sample (configuration.txt §7.3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Converter {
    Lower,
    Upper,
    Length,
    Hex,
    Base64,
    /// `bytes(offset[,count])`
    Bytes {
        offset: u32,
        count: Option<u32>,
    },
    /// `field(index,delimiters[,count])`
    Field(TextPart),
    /// `word(index,delimiters[,count])`
    Word(TextPart),
    /// `ipmask(v4[,v6])`
    IpMask {
        v4: u8,
        v6: Option<u8>,
    },
    /// `regsub(expression,replacement[,flags])`. The expression was compiled to see that it is good.
    Substitute {
        regex: String,
        to: String,
        is_global: bool,
        is_case_insensitive: bool,
    },
    /// `url_dec([in_form])`
    UrlDecode {
        is_form: bool,
    },
    Arithmetic(Operation, Amount),
    /// `map(file[,default])` and its kin. The file is read by whoever runs it.
    Map {
        key: MapKey,
        value: MapValue,
        file: Spanned<String>,
        default: Option<String>,
    },
    /// `concat([before][,variable][,after])`
    Concat {
        before: String,
        variable: Option<Variable>,
        after: String,
    },
    /// `strcmp(variable)`
    CompareWith(Variable),
    /// `iif(true,false)`
    Choose(String, String),
    /// `ltrim(characters)`
    TrimStart(String),
    /// `rtrim(characters)`
    TrimEnd(String),
    /// `url_enc`
    UrlEncode,
    /// `b64dec`
    Base64Decode,
    /// `ub64enc`
    Base64Url,
    /// `ub64dec`
    Base64UrlDecode,
    /// `hex2i`
    HexToInteger,
    /// `crc32`, `djb2`, `sdbm`, `wt6`, each with `(1)` to spread it.
    Hash {
        function: HashFunction,
        is_mixed: bool,
    },
    /// `param(name[,delimiter])`
    Parameter {
        name: String,
        delimiter: char,
    },
    /// `xxh32([seed])`
    Xxh32(u32),
    /// `xxh64([seed])`
    Xxh64(u64),
    /// `sha1`, `sha2([bits])`
    Digest(Digest),
    /// `json([coding])`
    Json(JsonInput),
    /// `htonl`
    NetworkOrder,
    /// `host_only`
    HostOnly,
    /// `port_only`
    PortOnly,
    /// `be2dec(separator,size[,truncate])`
    Numbers(Chunks),
    /// `be2hex([separator[,size[,truncate]]])`
    HexChunks(Chunks),
    /// `secure_memcmp(variable)`
    IsSame(Variable),
    /// `add_item(delimiter[,variable][,after])`
    AddItem {
        delimiter: String,
        variable: Option<Variable>,
        after: String,
    },
    /// `utime(format[,offset])`, `http_date([offset[,unit]])` and their kin.
    Time(TimeText),
    /// `hmac(algorithm,key)`
    Hmac(Digest, Key),
    /// `language(value[;value…][,default])`
    Language {
        known: Vec<String>,
        default: Option<String>,
    },
    /// `cut_crlf`
    FirstLine,
    /// `le2dec(separator,size[,truncate])`
    LittleNumbers(Chunks),
    /// `neg`
    Negate,
    /// `cpl`
    Complement,
    /// `bool`
    IsNotZero,
    /// `not`
    IsZero,
    /// `even`
    IsEven,
    /// `odd`
    IsOdd,
}

/// What the octets are that `json` is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum JsonInput {
    /// `ascii`
    Latin,
    /// `utf8`: all of it is, or there is no sample.
    Utf8,
    /// `utf8s`: what is not is left out.
    Utf8Only,
}

/// With what a digest is keyed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// Base64, checked.
    Text(String),
    /// Base64.
    Variable(Variable),
}

/// How octets are taken together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunks {
    pub separator: String,
    /// So many octets each; 0: all of them.
    pub size: u32,
    /// What is left at the end and is shorter is left out.
    pub drops_rest: bool,
}

/// One that makes bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// What a number is combined with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Amount {
    Number(i64),
    Variable(Variable),
}

/// How the keys of a map are compared (`map_beg` …).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MapKey {
    Text(Compare),
    /// `map_regm`: the value takes up what groups matched.
    RegexReplace,
    Integer,
    Address,
}

/// What the values of a map are (`map_str_int` …).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MapValue {
    Text,
    Integer,
    Address,
}

/// Which fields or words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPart {
    /// From 1, or from -1 at the end; never 0.
    pub index: i32,
    pub delimiters: String,
    /// 0 is all that are left.
    pub count: u32,
}

/// `add`, `sub` …
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
}
