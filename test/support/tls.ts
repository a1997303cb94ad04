/** A certificate for the TLS proxies of tests: self-signed, for `login.example.com` and loopback, valid for a hundred years. */

export const certificate = `-----BEGIN CERTIFICATE-----
MIIBwDCCAWagAwIBAgIUGW+KS9FhHutqC3Lb4lF57g+zHvswCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRbG9naW4uZXhhbXBsZS5jb20wIBcNMjYxMTMwMjE0MjA0WhgP
MjEyNjExMDYyMTQyMDRaMBwxGjAYBgNVBAMMEWxvZ2luLmV4YW1wbGUuY29tMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGR1k1B0Lzo++ItQo/AgqwSY2PEA4crOo
u2O3zQYWoGO4A4+YVCUGIOwCj5FdWsDP4M1egN4BzFHnBA1K6ul/maOBgzCBgDAd
BgNVHQ4EFgQUaebHjgUHOfhVi365YIGnkSza9KcwHwYDVR0jBBgwFoAUaebHjgUH
OfhVi365YIGnkSza9KcwDwYDVR0TAQH/BAUwAwEB/zAtBgNVHREEJjAkghFsb2dp
bi5leGFtcGxlLmNvbYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IFWE+5QqvX3Y5wcCUh7ePbTsGmzpwhcwW0aeJ8sHigO8AiEA/2qY7eAbJUWLjq8J
jaOrgOieVW5bbP/fX+CWEr/uN5o=
-----END CERTIFICATE-----
`

/** It protects nothing but connections within tests. */
export const privateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRnPVw3z/pgzM9wyo
C+RjUO0F5ATZ+fJ69raCQb40yyqhRANCAAQZHWTUHQvOj74i1Cj8CCrBJjY8QDhy
s6i7Y7fNBhagY7gDj5hUJQYg7AKPkV1awM/gzV6A3gHMUecEDUrq6X+Z
-----END PRIVATE KEY-----
`
