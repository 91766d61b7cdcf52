//! How TLS is switched on in a client library, for those who have to do it.

/// Names of libraries, as they call themselves in `_client_name`, and what switches TLS on with verification. From the
/// manuals of each; docs/migration.md has them with examples.
const LIBRARIES: [(&str, &str); 9] = [
    ("pymysql", "PyMySQL: ssl={\"ca\": \"ca.pem\"}; in a SQLAlchemy URL ?ssl_ca=ca.pem"),
    (
        "libmariadb",
        "MariaDB's C library: [client] ssl-ca=ca.pem and ssl-verify-server-cert, or the same as options",
    ),
    ("mariadb connector/j", "MariaDB Connector/J: sslMode=verify-full&serverSslCert=ca.pem"),
    ("mysql connector/j", "MySQL Connector/J: sslMode=VERIFY_IDENTITY with a trust store that holds the CA"),
    (
        "mysql connector java",
        "MySQL Connector/J: sslMode=VERIFY_IDENTITY with a trust store that holds the CA",
    ),
    ("node-mysql", "mysql2: ssl: { ca: fs.readFileSync(\"ca.pem\") }"),
    ("go-mysql-driver", "Go: mysql.RegisterTLSConfig with the CA, and tls=NAME in the DSN"),
    ("mysqlnd", "PHP: PDO::MYSQL_ATTR_SSL_CA, or mysqli_ssl_set and MYSQLI_CLIENT_SSL"),
    ("libmysql", "MySQL's C library: ssl-mode=VERIFY_IDENTITY and ssl-ca=ca.pem"),
];

/// What to do with a client that says it uses `library`.
pub fn switch_on(library: &str) -> &'static str {
    let library = library.to_lowercase();
    let known = LIBRARIES.iter().find(|(name, _)| library.starts_with(name));
    known.map_or("switch TLS on in the client and give it the CA's certificate", |(_, how)| how)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_how_its_name_begins() {
        assert!(switch_on("pymysql 1.1.0").contains("ssl_ca"));
        assert!(switch_on("Go-MySQL-Driver").contains("RegisterTLSConfig"));
        assert!(switch_on("libmariadb 3.3.20").starts_with("MariaDB's C library"));
        assert!(switch_on("").starts_with("switch TLS on"));
    }
}
