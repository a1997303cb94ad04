/** The characters of errors (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3): every text of this server arrives readable. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorText } from '../../packages/protocol/src/errors.ts'
import { bearer, register } from '../support/registering.ts'
import { callback, pagesWorld } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const allowed = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/
const root = new URL('../../packages/', import.meta.url)

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(path => /^\w+\/src\/.*\.ts$/.test(path) && !/\/(ui|cli|identity)\//.test(path))
  .map(path => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))

/** Quoted strings outside comments: a template's expressions count as its text here. */
const texts = sources.flatMap(({ path, text }) => {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/ .*$/gm, '')
  return [...code.matchAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g)].map(([quoted]) => ({
    path,
    quoted: quoted.slice(1, -1),
  }))
})

test('errors: a description in the code has only characters that a response may have [RFC 6749 §5.2]', () => {
  const described = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\bdescription:\s*(?:'((?:[^'\\\n]|\\.)*)'|`([^`]*)`|"([^"]*)")/g)].map(
      ([, single, template, double]) => ({ path, said: single ?? template ?? double ?? '' }),
    ),
  )
  assert.ok(described.length > 50, 'descriptions were found')
  for (const { path, said } of described) {
    if (path.includes('/configuration/')) continue
    assert.match(said.replaceAll(/\$\{[^}]*\}/g, ''), allowed, `${path}: ${said}`)
  }
})

test('errors: no text of the code loses a character on its way into a response', () => {
  const others = texts.filter(({ quoted }) => /[^\x00-\x7F]/.test(quoted))
  assert.ok(others.length > 20, 'texts with characters that are not ASCII were found')
  for (const { path, quoted } of others) {
    const sent = errorText(quoted)
    assert.match(sent, allowed, path)
    assert.equal(sent.split('?').length, quoted.split('?').length, `${path}: ${quoted} becomes ${sent}`)
  }
})

for (const [what, text, sent] of [
  ['a section', 'see RFC 7591 §2.1', 'see RFC 7591 section 2.1'],
  ['quotation marks', '“grant” and "scope"', "'grant' and 'scope'"],
  ['a backslash, a tab and a line end', 'a\\b\tc\nd', 'a/b c d'],
  ['accents', 'Café Zürich Œuvre ﬁn', 'Cafe Zurich OEuvre fin'],
  ['letters of other scripts', '日本', '??'],
  ['a character outside the first plane', 'ok 👍', 'ok ?'],
  ['printable ASCII', 'plain ~ text!', 'plain ~ text!'],
] as const) {
  test(`errors: ${what} in a module’s text is converted to ASCII [RFC 6749 §5.2]`, () => {
    assert.equal(errorText(text), sent)
  })
}

const metadata = { redirect_uris: [callback] }

for (const [what, wrong] of [
  ['a section of an RFC', { token_endpoint_auth_method: 'private_key_jwt' }],
  ['a section in another rule', { backchannel_logout_uri: 'https://app.example/#x' }],
  ['an ellipsis', { default_acr_values: [7] }],
  ['values in quotation marks', { subject_type: 'private' }],
  ['text of the client', { grant_types: ['日本 "§"'] }],
] as const) {
  test(`registration: a refusal with ${what} is in ASCII, and its meaning is kept [RFC 6749 §5.2, RFC 7591 §3.2.2]`, async () => {
    const server = await createTestServer({ ...pagesWorld, registration: { mode: 'open' } })
    const { status, json } = await register(server, { ...metadata, ...wrong })
    assert.equal(status, 400)
    assert.match(json.error_description, allowed)
    assert.ok(!json.error_description.includes('?'), json.error_description)
    assert.ok(!json.error_description.includes('section ?'))
  })
}

test('registration: a challenge has only characters that a quoted string may have [RFC 6750 §3]', async () => {
  const registration = { mode: 'initial_access_token', initial_access_tokens: [{ value: 'let me in' }] }
  const server = await createTestServer({ ...pagesWorld, registration })
  const { headers } = await register(server, metadata, bearer('wrong'))
  const [, described] = /error_description="([^"]*)"/.exec(String(headers['www-authenticate'])) ?? []
  assert.match(described ?? '"', allowed)
})
