/** Attestations that nobody requested: an authenticator can put anything into them. */

import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import {
  type Attestation,
  type Attesting,
  cbor,
  createAuthenticator,
  optionsOn,
} from '../support/authenticator.ts'
import { createBrowser } from '../support/browser.ts'
import { methodHref, recoveryCodesOn } from '../support/factors.ts'
import { startReceiver } from '../support/receiver.ts'
import { authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'
import { createCertificate, element, extension, integer, sequence } from '../support/x509.ts'

/** CRL distribution points (RFC 5280 §4.2.1.13). */
const revocationListAt = (url: string): Buffer =>
  extension('551d1f', sequence(sequence(element(0xa0, element(0xa0, element(0x86, Buffer.from(url)))))))

/** The extension of Android's key attestation, in which the challenge matters. */
const keyDescription = (challenge: Buffer): Buffer => {
  const level = element(0x0a, Buffer.of(1))
  const texts = [element(0x04, challenge), element(0x04)]
  return extension(
    '2b06010401d679020111',
    sequence(integer(3), level, integer(4), level, ...texts, sequence(), sequence()),
  )
}

const es256 = cbor.negative(-7)
const signed = ({ keys, authenticatorData, clientDataHash }: Attesting): Buffer =>
  cbor.bytes(sign('sha256', Buffer.concat([authenticatorData, clientDataHash]), keys.privateKey))

/** Attestations whose certificates name an address, by the user's own authority. */
const attestations = (url: string): Readonly<Record<string, (attesting: Attesting) => Attestation>> => {
  const authority = createCertificate('Authority', {
    isAuthority: true,
    extensions: [revocationListAt(url)],
  })
  const chainOf = ({ keys, clientDataHash }: Attesting): Buffer => {
    const extensions = [revocationListAt(url), keyDescription(clientDataHash)]
    const leaf = createCertificate('Authenticator', { by: authority, keys, extensions })
    return cbor.array(...[leaf, authority].map(({ der }) => cbor.bytes(Buffer.from(der, 'base64'))))
  }
  const statement = (attesting: Attesting): Buffer =>
    cbor.map({ alg: es256, sig: signed(attesting), x5c: chainOf(attesting) })
  return {
    'android-key': attesting => ({ format: 'android-key', statement: statement(attesting) }),
    packed: attesting => ({ format: 'packed', statement: statement(attesting) }),
    apple: attesting => ({ format: 'apple', statement: cbor.map({ x5c: chainOf(attesting) }) }),
    'packed, by the key itself': attesting => ({
      format: 'packed',
      statement: cbor.map({ alg: es256, sig: signed(attesting) }),
    }),
    'an unknown format': () => ({ format: 'x', statement: cbor.map({ x: cbor.text(url) }) }),
  }
}

for (const name of Object.keys(attestations('')))
  test(`attack: the attestation of a new passkey is not read, and sends no request (${name})`, async () => {
    const receiver = await startReceiver()
    const server = await createTestServer({ ...pagesWorld, mfa: { mode: 'required' } })
    const browser = createBrowser(server)
    const page = await browser.visit(methodHref(await signIn(browser, authorizePath()), 'passkey'))
    const key = createAuthenticator(issuer)
    const credential = key.create(optionsOn(page), { attest: attestations(receiver.url)[name]! })
    const shown = await browser.submit(page, { credential, name: 'Key', button: 'passkey_enrol' })
    assert.deepEqual(receiver.deliveries, [])
    assert.equal(recoveryCodesOn(shown).length, 10, `${shown.text} ${server.reason()}`)
    assert.equal((await server.stores.passkeys.of('1')).length, 1)

    const other = createBrowser(server)
    const login = await other.visit(authorizePath())
    const done = await other.submit(login, { credential: key.get(optionsOn(login)), button: 'passkey' })
    assert.match(done.location ?? '', /code=/)
  })
