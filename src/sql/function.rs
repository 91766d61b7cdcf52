//! The functions that are MariaDB's own, so that what a call does is known from its name.
//!
//! A call of anything else may be one of a stored function, which may do what a procedure does. Which names the server takes for
//! its own was tried out on 10.11 and 11.8: each is here unless a call of it is answered with "FUNCTION … does not exist"
//! (1305, 1630). A schema in front (`db.abs(1)`) always makes it a stored function. The constructors of geometry (`POINT`, …) are
//! stored functions too when called with a number of arguments that they do not take; that is not looked at.

use super::SqlMode;
use super::effects::Effects;
use super::index::Index;

/// A name with an opening parenthesis behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    /// The name without quotes.
    pub name: &'a [u8],
    /// How it is written.
    pub spelling: Spelling,
}

/// How the name of a call is written, as far as it decides whose function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Without quotes, right in front of the parenthesis.
    Adjacent,
    /// Without quotes; space or a comment follows.
    Spaced,
    /// In quotes.
    Quoted,
}

impl Call<'_> {
    /// What the call does; `None` if the function is not the server's own.
    pub(super) fn effects(&self, mode: SqlMode) -> Option<Effects> {
        if self.is_native(mode) {
            let listed = EFFECTS.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(self.name));
            return Some(listed.map_or(Effects::NONE, |(_, effects)| *effects));
        }
        None
    }

    fn is_native(&self, mode: SqlMode) -> bool {
        let quoted = self.spelling == Spelling::Quoted;
        (!quoted && SYNTAX_INDEX.find(self.name).is_some())
            || NATIVE_INDEX.find(self.name).is_some()
            || (self.spelling == Spelling::Adjacent && ADJACENT_INDEX.find(self.name).is_some())
            || NEWER.iter().any(|(name, since)| {
                *since <= mode.version && name.as_bytes().eq_ignore_ascii_case(self.name)
            })
    }
}

/// The calls with effects.
const EFFECTS: [(&str, Effects); 13] = [
    ("benchmark", Effects::ONCE),
    ("found_rows", Effects::READS_FOUND_ROWS),
    ("get_lock", Effects::TAKES_USER_LOCK),
    ("last_insert_id", Effects::READS_INSERT_ID),
    ("master_gtid_wait", Effects::ONCE),
    ("master_pos_wait", Effects::ONCE),
    ("nextval", Effects::SEQUENCE),
    ("release_all_locks", Effects::RELEASES_USER_LOCK),
    ("release_lock", Effects::RELEASES_USER_LOCK),
    ("row_count", Effects::READS_ROW_COUNT),
    ("setval", Effects::SEQUENCE),
    ("sleep", Effects::ONCE),
    ("wsrep_sync_wait_upto_gtid", Effects::ONCE),
];

/// Functions that came after 10.11, and the version that brought each.
const NEWER: [(&str, u32); 15] = [
    ("format_bytes", 110_800),
    ("format_pico_time", 110_000),
    ("json_array_intersect", 110_200),
    ("json_key_value", 110_200),
    ("json_object_filter_keys", 110_200),
    ("json_object_to_array", 110_200),
    ("json_schema_valid", 110_100),
    ("kdf", 110_300),
    ("uuid_v4", 110_700),
    ("uuid_v7", 110_700),
    ("vec_distance", 110_700),
    ("vec_distance_cosine", 110_700),
    ("vec_distance_euclidean", 110_700),
    ("vec_fromtext", 110_700),
    ("vec_totext", 110_700),
];

static NATIVE_INDEX: Index<{ NATIVE.len() }, 1024> = Index::of(NATIVE);
static SYNTAX_INDEX: Index<{ SYNTAX.len() }, 1024> = Index::of(SYNTAX);
static ADJACENT_INDEX: Index<{ ADJACENT.len() }, 128> = Index::of(ADJACENT);

/// Functions that are looked up by name: quotes and space make no difference.
#[rustfmt::skip]
const NATIVE: [&str; 361] = [
    "abs", "acos", "add_months", "addtime", "aes_decrypt", "aes_encrypt", "area", "asbinary", "asin",
    "astext", "aswkb", "aswkt", "atan", "atan2", "benchmark", "bin", "binlog_gtid_pos", "bit_count",
    "bit_length", "boundary", "buffer", "ceil", "ceiling", "centroid", "char_length", "character_length",
    "chr", "coalesce", "coercibility", "collation", "column_check", "column_exists", "column_json",
    "column_list", "compress", "concat", "concat_operator_oracle", "concat_ws", "connection_id", "contains",
    "conv", "convert_tz", "convexhull", "cos", "cot", "crc32", "crc32c", "crosses", "database", "date_format",
    "datediff", "dayname", "dayofmonth", "dayofweek", "dayofyear", "decode", "decode_histogram",
    "decode_oracle", "degrees", "des_decrypt", "des_encrypt", "dimension", "disjoint", "elt", "encode",
    "encrypt", "endpoint", "envelope", "equals", "exp", "export_set", "exteriorring", "extractvalue", "field",
    "find_in_set", "floor", "format", "found_rows", "from_base64", "from_days", "from_unixtime",
    "geomcollfromtext", "geomcollfromwkb", "geometrycollection", "geometrycollectionfromtext",
    "geometrycollectionfromwkb", "geometryfromtext", "geometryfromwkb", "geometryn", "geometrytype",
    "geomfromtext", "geomfromwkb", "get_lock", "glength", "greatest", "hex", "ifnull", "inet6_aton",
    "inet6_ntoa", "inet_aton", "inet_ntoa", "instr", "interiorringn", "intersects", "is_free_lock", "is_ipv4",
    "is_ipv4_compat", "is_ipv4_mapped", "is_ipv6", "is_used_lock", "isclosed", "isempty", "isnull", "isring",
    "issimple", "json_array", "json_array_append", "json_array_insert", "json_compact", "json_contains",
    "json_contains_path", "json_depth", "json_detailed", "json_equals", "json_exists", "json_extract",
    "json_insert", "json_keys", "json_length", "json_loose", "json_merge", "json_merge_patch",
    "json_merge_preserve", "json_normalize", "json_object", "json_overlaps", "json_pretty", "json_query",
    "json_quote", "json_remove", "json_replace", "json_search", "json_set", "json_type", "json_unquote",
    "json_valid", "json_value", "last_day", "last_insert_id", "lcase", "least", "length", "lengthb",
    "linefromtext", "linefromwkb", "linestring", "linestringfromtext", "linestringfromwkb", "ln", "load_file",
    "locate", "log", "log10", "log2", "lower", "lpad", "lpad_oracle", "ltrim", "ltrim_oracle", "make_set",
    "makedate", "maketime", "master_gtid_wait", "master_pos_wait", "mbrcontains", "mbrdisjoint", "mbrequal",
    "mbrintersects", "mbroverlaps", "mbrtouches", "mbrwithin", "md5", "microsecond", "mlinefromtext",
    "mlinefromwkb", "mod", "monthname", "mpointfromtext", "mpointfromwkb", "mpolyfromtext", "mpolyfromwkb",
    "multilinestring", "multilinestringfromtext", "multilinestringfromwkb", "multipoint",
    "multipointfromtext", "multipointfromwkb", "multipolygon", "multipolygonfromtext", "multipolygonfromwkb",
    "name_const", "natural_sort_key", "nullif", "numgeometries", "numinteriorrings", "numpoints", "nvl",
    "nvl2", "oct", "octet_length", "old_password", "ord", "overlaps", "password", "period_add", "period_diff",
    "pi", "point", "pointfromtext", "pointfromwkb", "pointn", "pointonsurface", "polyfromtext", "polyfromwkb",
    "polygon", "polygonfromtext", "polygonfromwkb", "pow", "power", "quarter", "quote", "radians", "rand",
    "random_bytes", "regexp_instr", "regexp_replace", "regexp_substr", "release_all_locks", "release_lock",
    "replace_oracle", "reverse", "round", "row_count", "rpad", "rpad_oracle", "rtrim", "rtrim_oracle",
    "schema", "sec_to_time", "sformat", "sha", "sha1", "sha2", "sign", "sin", "sleep", "soundex", "space",
    "sqrt", "srid", "st_area", "st_asbinary", "st_asgeojson", "st_astext", "st_aswkb", "st_aswkt",
    "st_boundary", "st_buffer", "st_centroid", "st_contains", "st_convexhull", "st_crosses", "st_difference",
    "st_dimension", "st_disjoint", "st_distance", "st_distance_sphere", "st_endpoint", "st_envelope",
    "st_equals", "st_exteriorring", "st_geomcollfromtext", "st_geomcollfromwkb",
    "st_geometrycollectionfromtext", "st_geometrycollectionfromwkb", "st_geometryfromtext",
    "st_geometryfromwkb", "st_geometryn", "st_geometrytype", "st_geomfromgeojson", "st_geomfromtext",
    "st_geomfromwkb", "st_interiorringn", "st_intersection", "st_intersects", "st_isclosed", "st_isempty",
    "st_isring", "st_issimple", "st_length", "st_linefromtext", "st_linefromwkb", "st_linestringfromtext",
    "st_linestringfromwkb", "st_numgeometries", "st_numinteriorrings", "st_numpoints", "st_overlaps",
    "st_pointfromtext", "st_pointfromwkb", "st_pointn", "st_pointonsurface", "st_polyfromtext",
    "st_polyfromwkb", "st_polygonfromtext", "st_polygonfromwkb", "st_relate", "st_srid", "st_startpoint",
    "st_symdifference", "st_touches", "st_union", "st_within", "st_x", "st_y", "startpoint", "str_to_date",
    "strcmp", "substr_oracle", "substring_index", "subtime", "sys_guid", "tan", "time_format", "time_to_sec",
    "timediff", "to_base64", "to_char", "to_days", "to_seconds", "touches", "ucase", "uncompress",
    "uncompressed_length", "unhex", "unix_timestamp", "updatexml", "upper", "uuid", "uuid_short", "version",
    "week", "weekday", "weekofyear", "within", "wsrep_last_seen_gtid", "wsrep_last_written_gtid",
    "wsrep_sync_wait_upto_gtid", "x", "y", "yearweek",
];

/// Words of the grammar: what follows in parentheses is a call of a function with a syntax of its own (`CAST (`), or no call
/// (`IN (`). In quotes they are plain names.
#[rustfmt::skip]
const SYNTAX: [&str; 376] = [
    "accessible", "add", "all", "alter", "analyze", "and", "any", "as", "asc", "ascii", "asensitive", "avg",
    "backup", "before", "begin", "between", "bigint", "binary", "binlog", "bit", "blob", "bool", "boolean",
    "both", "by", "byte", "cache", "call", "cascade", "case", "change", "char", "character", "charset",
    "check", "checkpoint", "checksum", "clob", "close", "code", "collate", "column", "column_add",
    "column_create", "column_delete", "column_get", "comment", "commit", "compressed", "condition",
    "constraint", "continue", "convert", "create", "cross", "current_date", "current_role", "current_time",
    "current_timestamp", "current_user", "cursor", "databases", "date", "datetime", "day", "day_hour",
    "day_microsecond", "day_minute", "day_second", "deallocate", "dec", "decimal", "declare", "default",
    "delayed", "delete", "delete_domain_id", "desc", "describe", "deterministic", "distinct", "distinctrow",
    "div", "do", "do_domain_ids", "double", "drop", "dual", "each", "else", "elseif", "enclosed", "end",
    "enum", "escaped", "examined", "except", "exclude", "execute", "exists", "exit", "explain", "false",
    "fetch", "fixed", "float", "float4", "float8", "flush", "following", "follows", "for", "force", "foreign",
    "from", "fulltext", "function", "get", "get_format", "global", "grant", "group", "handler", "having",
    "help", "high_priority", "host", "hour", "hour_microsecond", "hour_minute", "hour_second", "id", "if",
    "ignore", "ignore_domain_ids", "ignored", "in", "index", "infile", "inner", "inout", "insensitive",
    "insert", "install", "int", "int1", "int2", "int3", "int4", "int8", "integer", "intersect", "interval",
    "into", "is", "iterate", "join", "json", "key", "keys", "kill", "language", "last_value", "lastval",
    "leading", "leave", "left", "like", "limit", "linear", "lines", "load", "local", "localtime",
    "localtimestamp", "lock", "long", "longblob", "longtext", "loop", "low_priority",
    "master_demote_to_replica", "master_demote_to_slave", "match", "maxvalue", "medium", "mediumblob",
    "mediumint", "mediumtext", "middleint", "minute", "minute_microsecond", "minute_second", "modifies",
    "month", "names", "national", "natural", "nchar", "nextval", "no", "no_write_to_binlog", "not", "null",
    "number", "numeric", "nvarchar", "offset", "on", "open", "optimize", "option", "optionally", "options",
    "or", "order", "others", "out", "outer", "outfile", "over", "owner", "page_checksum", "parse_vcol_expr",
    "parser", "partition", "period", "port", "portion", "precedes", "preceding", "precision", "prepare",
    "primary", "procedure", "purge", "range", "raw", "read", "read_write", "reads", "real", "recursive",
    "ref_system_id", "references", "regexp", "release", "remove", "rename", "repair", "repeat", "replace",
    "replica", "replicas", "require", "reset", "resignal", "restore", "restrict", "return", "returning",
    "revoke", "right", "rlike", "role", "rollback", "row", "row_number", "rownum", "rows", "savepoint",
    "schemas", "second", "second_microsecond", "security", "select", "sensitive", "separator", "serial",
    "server", "session", "set", "setval", "show", "shutdown", "signal", "signed", "slave", "slaves",
    "smallint", "socket", "some", "soname", "sounds", "spatial", "specific", "sql", "sql_big_result",
    "sql_buffer_result", "sql_cache", "sql_calc_found_rows", "sql_no_cache", "sql_small_result",
    "sql_tsi_day", "sql_tsi_hour", "sql_tsi_minute", "sql_tsi_month", "sql_tsi_second", "sql_tsi_year",
    "sqlexception", "sqlstate", "sqlwarning", "ssl", "start", "starting", "stats_auto_recalc",
    "stats_persistent", "stats_sample_pages", "stop", "stored", "straight_join", "sysdate", "table",
    "terminated", "text", "then", "ties", "time", "timestamp", "timestampadd", "timestampdiff", "tinyblob",
    "tinyint", "tinytext", "to", "trailing", "trigger", "true", "truncate", "unbounded", "undo", "unicode",
    "uninstall", "union", "unique", "unlock", "unsigned", "update", "upgrade", "usage", "use", "user",
    "using", "utc_date", "utc_time", "utc_timestamp", "value", "values", "varbinary", "varchar", "varchar2",
    "varcharacter", "varying", "weight_string", "when", "where", "while", "window", "with", "wrapper",
    "write", "xa", "xor", "year", "year_month", "zerofill",
];

/// Functions only with the parenthesis right behind the name; with space between (unless `IGNORE_SPACE`), or in quotes, the name is
/// a stored function's.
#[rustfmt::skip]
const ADJACENT: [&str; 46] = [
    "adddate", "bit_and", "bit_or", "bit_xor", "cast", "count", "cume_dist", "curdate", "curtime", "date_add",
    "date_sub", "dense_rank", "extract", "first_value", "group_concat", "json_arrayagg", "json_objectagg",
    "lag", "lead", "max", "median", "mid", "min", "now", "nth_value", "ntile", "percent_rank",
    "percentile_cont", "percentile_disc", "position", "rank", "session_user", "std", "stddev", "stddev_pop",
    "stddev_samp", "subdate", "substr", "substring", "sum", "system_user", "trim", "trim_oracle", "var_pop",
    "var_samp", "variance",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(name: &str, spelling: Spelling) -> Option<Effects> {
        Call { name: name.as_bytes(), spelling }.effects(SqlMode::default())
    }

    #[test]
    fn how_a_name_is_written_decides_whose_it_is() {
        use Spelling::{Adjacent, Quoted, Spaced};
        for (name, spellings) in [
            ("ABS", &[Adjacent, Spaced, Quoted][..]),
            ("st_area", &[Adjacent, Spaced, Quoted]),
            ("POINT", &[Adjacent, Spaced, Quoted]),
            ("If", &[Adjacent, Spaced]),
            ("values", &[Adjacent, Spaced]),
            ("date", &[Adjacent, Spaced]),
            ("count", &[Adjacent]),
            ("now", &[Adjacent]),
            ("rank", &[Adjacent]),
            ("my_function", &[]),
            ("columns", &[]),
            ("", &[]),
        ] {
            for spelling in [Adjacent, Spaced, Quoted] {
                assert_eq!(
                    effects(name, spelling).is_some(),
                    spellings.contains(&spelling),
                    "{name} {spelling:?}"
                );
            }
        }
    }

    #[test]
    fn a_function_is_the_servers_own_from_the_version_that_brought_it() {
        let of = |version| {
            let mode = SqlMode { version, ..SqlMode::default() };
            Call { name: b"UUID_v7", spelling: Spelling::Adjacent }.effects(mode)
        };
        assert_eq!((of(101_119), of(110_703)), (None, Some(Effects::NONE)));
    }

    #[test]
    fn every_call_with_effects_is_one_of_the_servers_functions() {
        for (name, expected) in EFFECTS {
            assert_eq!(effects(name, Spelling::Adjacent), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted_and_hold_every_word_once() {
        assert!(NATIVE.is_sorted_by(|one, next| one < next));
        assert!(SYNTAX.is_sorted_by(|one, next| one < next));
        assert!(ADJACENT.is_sorted_by(|one, next| one < next));
        assert!(EFFECTS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(NEWER.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(SYNTAX.iter().chain(&ADJACENT).all(|word| !NATIVE.contains(word)));
    }
}
