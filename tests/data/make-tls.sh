#!/bin/sh
# Makes the certificates in `tls`, for tests of TLS: an authority that nothing trusts, the certificate and
# key of the server `localhost`, and those of a client. They are valid from 2020 for a hundred years.
set -eu
cd "$(dirname "$0")/tls"
work=$(mktemp -d)
cat > "$work/config" <<END
[ca]
default_ca = it
[it]
dir = $work
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = names
[names]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
END
: > "$work/index"
echo 01 > "$work/serial"
request() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1" -subj "$2" -out "$work/csr"
}
sign() {
    openssl ca -batch -notext -config "$work/config" -startdate 20200101000000Z \
        -enddate 21200101000000Z -in "$work/csr" -out "$1" -extensions "$2" -keyfile "$work/ca.key" "$3" "$4"
}
request "$work/ca.key" '/CN=localmap test authority'
sign ca.pem authority -selfsign -batch
request localhost.key '/CN=localhost'
sign localhost.pem server -cert ca.pem
request client.key '/CN=localmap test client'
sign client.pem client -cert ca.pem
rm -r "$work"
