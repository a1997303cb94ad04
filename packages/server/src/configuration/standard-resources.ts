/** The identity resources that exist unless redefined: the scopes of OpenID Connect Core 1.0 §5.4. */

import type { IdentityResource } from '../core/resource.ts'

export const standardIdentityResources: readonly IdentityResource[] = [
  { name: 'openid', display_name: 'Your user identifier', claims: ['sub'] },
  {
    name: 'profile',
    display_name: 'Your profile',
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
  { name: 'email', display_name: 'Your e-mail address', claims: ['email', 'email_verified'] },
  { name: 'address', display_name: 'Your postal address', claims: ['address'] },
  { name: 'phone', display_name: 'Your phone number', claims: ['phone_number', 'phone_number_verified'] },
]
