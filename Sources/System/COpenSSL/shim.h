#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// What OpenSSL gives as macros only.

/// TLS 1.2 or later, no renegotiation, our order of ciphers, no buffers kept by idle connections. 1 when done.
static inline int tocsin_ssl_harden(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

/// Reads from memory that stays the caller's; at its end a reader is told to come again. Null without memory.
static inline BIO *tocsin_bio_over(const void *bytes, int count) {
    BIO *bio = BIO_new_mem_buf(bytes, count);
    if (bio) BIO_set_mem_eof_return(bio, -1);
    return bio;
}

/// Bytes that can be read.
static inline size_t tocsin_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

/// The reason of the oldest error of this thread, or null; the queue is empty afterwards.
static inline const char *tocsin_ssl_reason(void) {
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : 0;
    ERR_clear_error();
    return reason;
}
