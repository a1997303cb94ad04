/** `none`: a public client only says who it is (RFC 6749 §2.1, §3.2.1). */

import { ok } from '@tessera/protocol/result'
import { type AuthenticationMethod, refuseClient } from './method.ts'

export const none: AuthenticationMethod = {
  name: 'none',
  // A secret that can't be checked is refused rather than ignored: nobody may take it for proven.
  verify: (_, credential) =>
    credential.kind === 'identity' ? ok(undefined) : refuseClient('public_client_sent_credential'),
}
