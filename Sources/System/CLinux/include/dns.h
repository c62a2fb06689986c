#pragma once
// Questions to the name servers of resolv.conf, for record types that getaddrinfo does not know.

/// Asks for records of a type (RFC 1035's number), with the search list of resolv.conf.
///
/// The length of the answer, which is cut to `size` where it is longer; or minus h_errno's number (1: no such name,
/// 2: try again, 3: refused, 4: no such records).
int tocsin_dns_query(const char *name, int type, unsigned char *answer, int size);
