/** Second factors that this server could not offer. */

import type { Fault } from '../fault.ts'
import { canHavePasskeys } from '../issuer.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export const mfaFaults = ({ mfa, issuer }: Pick<ConfigurationDraft, 'mfa' | 'issuer'>): readonly Fault[] =>
  mfa.mode === 'off' || mfa.methods.includes('totp') || issuer === undefined || canHavePasskeys(issuer)
    ? []
    : [
        {
          path: 'mfa.methods',
          problem: 'passkeys belong to a domain, and the issuer is an IP address',
          expected: 'an issuer with a host name, or "totp" among the methods',
          fix: 'give the issuer a host name (localhost will do for developing), or add "totp"',
        },
      ]
