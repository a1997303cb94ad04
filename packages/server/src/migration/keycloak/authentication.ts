/** How a client authenticates: `clientAuthenticatorType`, secrets, keys and certificates. */

import { createPublicKey, X509Certificate } from 'node:crypto'
import type { Draft, Target } from '../draft.ts'
import { isMasked } from '../outcomes.ts'
import { membersOf, own, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'

export function readAuthentication(source: Source, attributes: Source, target: Target, draft: Draft): void {
  const isPublic = source.member('publicClient')
  const secret = source.member('secret')
  const type = source.member('clientAuthenticatorType')
  if (isPublic.flag() === true) {
    target.set('token_endpoint_auth_method', 'none')
    isPublic.carriedOver(target.at('token_endpoint_auth_method'))
    secret.notNeeded('a public client has no secret')
    type.notNeeded('a public client does not authenticate')
    readPkce(attributes, target, true)
    return
  }
  isPublic.notNeeded('it is off')
  readPkce(attributes, target, false)
  const method = type.text() ?? 'client-secret'
  const read = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (read) read({ source, attributes, target, draft })
  else {
    type.notPossible('it is not a known method; the client authenticates with a secret')
    readSecret({ source, attributes, target, draft })
  }
}

type Reading = {
  readonly source: Source
  readonly attributes: Source
  readonly target: Target
  readonly draft: Draft
}

const attribute = (attributes: Source, name: string): unknown => own(membersOf(attributes.whole()), name)

const methods: Readonly<Record<string, (reading: Reading) => void>> = {
  'client-secret'(reading) {
    // Without a method, the client may send its secret in the header or in the body, as in Keycloak.
    reading.source.member('clientAuthenticatorType').notNeeded('it is the default')
    readSecret(reading)
  },
  'client-secret-jwt'(reading) {
    reading.source
      .member('clientAuthenticatorType')
      .changed('assertions that are signed with the secret are not accepted; the client sends the secret')
    readSecret(reading)
  },
  'client-jwt'({ source, attributes, target }) {
    target.set('token_endpoint_auth_method', 'private_key_jwt')
    source.member('clientAuthenticatorType').carriedOver(target.at('token_endpoint_auth_method'))
    source.member('secret').notNeeded('the client signs its requests')
    if (attributes.exists) readKeys(attributes, target)
  },
  'client-x509'({ source, attributes, target }) {
    target.set('token_endpoint_auth_method', 'tls_client_auth')
    source.member('clientAuthenticatorType').carriedOver(target.at('token_endpoint_auth_method'))
    source.member('secret').notNeeded('the client presents a certificate')
    if (!attributes.exists) return
    const subject = attributes.member('x509.subjectdn')
    const pattern = attributes.member('x509.allow.regex.pattern.comparison')
    if (pattern.whole() === 'true') {
      pattern.notPossible(
        'the subject of a certificate is compared exactly; write tls_client_auth_subject_dn',
      )
      return
    }
    pattern.notNeeded('the subject of a certificate is compared exactly')
    target.set('tls_client_auth_subject_dn', subject.text())
    subject.carriedOver(target.at('tls_client_auth_subject_dn'))
  },
}

function readSecret({ source, target, draft }: Reading): void {
  const secret = source.member('secret')
  const value = secret.whole()
  const place = target.at('client_secrets', 0, 'value')
  if (secret.exists && !isMasked(value) && value !== '') {
    const text = secret.text()
    if (text === undefined) return
    target.set('client_secrets', [{ value: text }])
    secret.carriedOver(place)
    return
  }
  secret.notNeeded('the file does not contain the secret')
  if (textsOf(target.value.grant_types).length === 0) {
    target.set('token_endpoint_auth_method', 'none')
    source.added('it has no grants and no secret', target.at('token_endpoint_auth_method'))
    target.set('require_pkce', undefined)
    return
  }
  const unknown = draft.unknownSecret(
    source,
    place,
    'keycloak',
    'secret',
    String(target.value.client_id ?? ''),
  )
  target.set('client_secrets', [{ value: unknown }])
}

/** Public clients must use PKCE here; Keycloak requires it only if the attribute names a method. */
function readPkce(attributes: Source, target: Target, isPublic: boolean): void {
  const method = attribute(attributes, 'pkce.code.challenge.method')
  const hasCode = textsOf(target.value.grant_types).includes('authorization_code')
  const member = attributes.exists ? attributes.member('pkce.code.challenge.method') : undefined
  if (method === 'S256') {
    member?.notNeeded('PKCE is required by default')
    return
  }
  if (method === 'plain') {
    if (isPublic) member?.changed('public clients must use S256')
    else {
      target.set('allow_plain_pkce', true)
      member?.carriedOver(target.at('allow_plain_pkce'))
    }
    return
  }
  member?.notNeeded('it is empty')
  if (!hasCode) return
  if (isPublic) {
    attributes.added(
      'Keycloak does not require PKCE of this client; here, public clients must use it',
      target.at('require_pkce'),
    )
    return
  }
  target.set('require_pkce', false)
  attributes.added(
    'Keycloak does not require PKCE of this client; remove it if the client uses PKCE',
    target.at('require_pkce'),
  )
}

/** Keys at an address, in the attribute, or as a certificate or public key in base64. */
function readKeys(attributes: Source, target: Target): void {
  const usesUrl = attribute(attributes, 'use.jwks.url') === 'true'
  const usesText = attribute(attributes, 'use.jwks.string') === 'true'
  for (const name of ['use.jwks.url', 'use.jwks.string'])
    attributes.member(name).notNeeded('it follows from jwks and jwks_uri')
  const [url, text, certificate, publicKey] = [
    'jwks.url',
    'jwks.string',
    'jwt.credential.certificate',
    'jwt.credential.public.key',
  ].map(name => attributes.member(name))
  if (usesUrl) {
    target.set('jwks_uri', url!.text())
    url!.carriedOver(target.at('jwks_uri'))
  } else url!.notNeeded('it is not in use')
  if (usesText) carryKeys(text!, target, jwksOf(text!.text() ?? ''))
  else text!.notNeeded('it is not in use')
  const own = [
    [certificate!, keyOfCertificate],
    [publicKey!, keyOfPublicKey],
  ] as const
  for (const [member, read] of own)
    if (usesUrl || usesText || target.value.jwks !== undefined) member.notNeeded('it is not in use')
    else if (member.exists) carryKeys(member, target, read(member.text() ?? ''))
  attributes.member('jwt.credential.kid').notNeeded('a single key needs no id')
}

function carryKeys(source: Source, target: Target, jwks: unknown): void {
  if (jwks === undefined) {
    source.notPossible('it is not a public key')
    return
  }
  target.set('jwks', jwks)
  source.changed('it is a JWK Set', target.at('jwks'))
}

function jwksOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(membersOf(value).keys) ? value : undefined
  } catch {
    return undefined
  }
}

const pem = (kind: string, text: string): string =>
  text.includes('-----') ? text : `-----BEGIN ${kind}-----\n${text}\n-----END ${kind}-----\n`

function keyOfCertificate(text: string): unknown {
  try {
    return { keys: [new X509Certificate(pem('CERTIFICATE', text)).publicKey.export({ format: 'jwk' })] }
  } catch {
    return undefined
  }
}

function keyOfPublicKey(text: string): unknown {
  try {
    return { keys: [createPublicKey(pem('PUBLIC KEY', text)).export({ format: 'jwk' })] }
  } catch {
    return undefined
  }
}
