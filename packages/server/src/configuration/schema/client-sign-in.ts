/** What a client is told of a user, and how a sign-in at it begins (OpenID Connect Core 1.0 §4, §5.4, §8). */

import * as z from '../shape/shapes.ts'
import { exactWebUri } from './rule.ts'

/** Core §4, Dynamic Client Registration 1.0 §2: https, or http while developing. */
const secureUrl = () => exactWebUri('write the whole address, such as https://app.example/start')

export const signInShape = {
  always_include_user_claims_in_id_token: z
    .boolean()
    .default(false)
    .describe('Its ID tokens carry the claims of the scope also where the UserInfo endpoint tells them.'),
  subject_type: z
    .enum(['public', 'pairwise'])
    .default('public')
    .describe('pairwise: it is told another sub of a user than clients of other sectors.'),
  sector_identifier_uri: secureUrl()
    .optional()
    .describe('Its host is the sector (pairwise); omitted: the host of its redirect URIs.'),
  initiate_login_uri: secureUrl()
    .optional()
    .describe('Where a sign-in at it can be begun from outside: the account pages link there.'),
  initiate_login_target_link_uri: secureUrl()
    .optional()
    .describe('target_link_uri of that link: where the user shall be after the sign-in.'),
} as const
