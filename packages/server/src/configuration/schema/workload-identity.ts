/** Workload identities of a client: tokens of other issuers that authenticate it. */

import { signingAlgorithms } from '../../model/client.ts'
import { subjectPatternProblem } from '../../model/workload-identity.ts'
import * as s from '../validation/kinds.ts'
import { jwksSchema } from './credentials.ts'
import { day, exactWebUri, hour, seconds } from './values.ts'

const webUri = (example: string) => exactWebUri(`write the exact URI, such as ${example}`)

export const workloadIdentity = () =>
  s
    .strictObject({
      issuer: webUri('https://token.actions.githubusercontent.com').describe(
        'iss of the tokens, compared byte for byte.',
      ),
      audience: s
        .string()
        .min(1)
        .max(2000)
        .optional()
        .describe('aud of the tokens, which may have no other. Omitted: the issuer of this server.'),
      subject: s
        .string()
        .min(1)
        .max(1000)
        .check(pattern => {
          const problem = subjectPatternProblem(pattern)
          return problem === undefined
            ? undefined
            : {
                problem,
                expected:
                  'the whole sub, with at most one "*" beside other characters in each segment between ":" and "/"',
                fix: 'write the exact sub, or several workload identities',
              }
        })
        .describe(
          'sub of the tokens. * matches letters, digits, dots, underscores and hyphens within a segment between ":" and "/".',
        ),
      signing_alg: s.enum(signingAlgorithms).default('RS256').describe('Algorithm of the tokens.'),
      max_lifetime: seconds(60, day)
        .default(hour)
        .describe('How many seconds the exp of a token may be in the future.'),
      jwks: jwksSchema.optional().describe("The issuer's public keys. Omitted: those at jwks_uri."),
      jwks_uri: webUri('https://issuer.example/keys')
        .optional()
        .describe('URL of the public keys. Omitted: that in the metadata of the issuer.'),
    })
    .describe('Which tokens of which issuer authenticate the client.')
