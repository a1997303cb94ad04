/** A header that is to be believed, and nobody whose it is. */

import type { Fault } from '../fault.ts'
import type { ConfigurationDraft } from '../schema/whole.ts'

export const proxyFaults = ({
  trusted_proxies: proxies,
  trust_forwarded_host: believed,
}: Pick<ConfigurationDraft, 'trusted_proxies' | 'trust_forwarded_host'>): readonly Fault[] =>
  !believed || proxies.length > 0
    ? []
    : [
        {
          path: 'trust_forwarded_host',
          problem: 'no proxy is trusted, so x-forwarded-host is never believed',
          expected: 'the proxies that set it, in "trusted_proxies"',
          fix: 'add "trusted_proxies": ["…"], or leave this out',
        },
      ]
