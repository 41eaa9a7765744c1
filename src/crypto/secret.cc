#include "crypto/secret.h"

#include <openssl/crypto.h>

namespace walkback::crypto {

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace walkback::crypto
