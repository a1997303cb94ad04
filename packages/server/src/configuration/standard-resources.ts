/** The identity resources that exist unless redefined: the scopes of OpenID Connect Core 1.0 §5.4. Their words for people are in `ui/locales`. */

import type { IdentityResource } from '../model/resource.ts'

export const standardIdentityResources: readonly IdentityResource[] = [
  { name: 'openid', claims: ['sub'] },
  {
    name: 'profile',
    claims: [
      'name',
      'family_name',
      'given_name',
      'middle_name',
      'nickname',
      'preferred_username',
      'profile',
      'picture',
      'website',
      'gender',
      'birthdate',
      'zoneinfo',
      'locale',
      'updated_at',
    ],
  },
  { name: 'email', claims: ['email', 'email_verified'] },
  { name: 'address', claims: ['address'] },
  { name: 'phone', claims: ['phone_number', 'phone_number_verified'] },
]
