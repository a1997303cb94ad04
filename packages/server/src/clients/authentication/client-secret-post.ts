/** `client_secret_post`: the secret in the body (RFC 6749 §2.3.1). */

import { verifySecret } from './client-secret.ts'
import type { AuthenticationMethod } from './method.ts'

export const clientSecretPost: AuthenticationMethod = { name: 'client_secret_post', verify: verifySecret }
