/** Client metadata in several languages (RFC 7591 §2.2). */

import { test } from 'node:test'
import { assertErrors, spa, withClient } from './errors.ts'

test('configuration languages: names and addresses may be in any language', () => {
  assertErrors(
    withClient({
      ...spa,
      'client_name#fr': 'Nom',
      'client_name#zh-Hant-TW': '名',
      'logo_uri#fr': 'https://a.example/l',
    }),
    [],
  )
})

test('configuration languages: a tagged value must be as valid as an untagged one', () => {
  assertErrors(
    withClient({ ...spa, 'client_name#fr': '', 'policy_uri#de': 'javascript:alert(1)', 'tos_uri#de': 7 }),
    [
      { path: 'clients[0].client_name#fr', problem: /empty/ },
      { path: 'clients[0].policy_uri#de', problem: /not a web URL/ },
      { path: 'clients[0].tos_uri#de', problem: /a number/ },
    ],
  )
})

test('configuration languages: other keys remain unknown, even with another error', () => {
  assertErrors(
    withClient({
      ...spa,
      'scope#fr': 'openid',
      'client_name#': 'Nom',
      'client_nam#fr': 'Nom',
      client_nam: 'Name',
      access_token_lifetime: 'long',
    }),
    [
      { path: 'clients[0].scope#fr', problem: /not a known key/ },
      { path: 'clients[0].client_name#', problem: /not a known key/ },
      { path: 'clients[0].client_nam#fr', problem: /not a known key/ },
      { path: 'clients[0].client_nam', problem: /not a known key/, nearest: 'client_name' },
      { path: 'clients[0].access_token_lifetime', problem: /a string/ },
    ],
  )
})

test('configuration languages: the number of texts is limited', () => {
  const texts = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`client_name#de-x-${index}`, 'Name']))
  assertErrors(withClient({ ...spa, ...texts(100) }), [])
  assertErrors(withClient({ ...spa, ...texts(101) }), [{ path: 'clients[0]', problem: /too many/ }])
})
