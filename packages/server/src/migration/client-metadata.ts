/** Metadata of clients whose names and meanings are those of RFC 7591 §2, like keys of the configuration. */

import { type Convert, filledText, flag, texts } from './convert.ts'

/** The order of words as they are registered (OAuth 2.0 Multiple Response Type Encoding Practices §5). */
const words = ['code', 'id_token', 'token']

/** Response types. The order of their words does not matter (RFC 6749 §3.1.1). */
const responseTypes: Convert<readonly string[]> = (source, target) =>
  texts(source, target)?.map(type =>
    type
      .split(' ')
      .toSorted((one, other) => words.indexOf(one) - words.indexOf(other))
      .join(' '),
  )

export const clientMetadata: Readonly<Record<string, Convert<unknown>>> = {
  client_id: filledText,
  client_name: filledText,
  client_uri: filledText,
  logo_uri: filledText,
  policy_uri: filledText,
  tos_uri: filledText,
  contacts: texts,
  redirect_uris: texts,
  post_logout_redirect_uris: texts,
  response_types: responseTypes,
  grant_types: texts,
  request_uris: texts,
  jwks_uri: filledText,
  subject_type: filledText,
  sector_identifier_uri: filledText,
  token_endpoint_auth_method: filledText,
  token_endpoint_auth_signing_alg: filledText,
  request_object_signing_alg: filledText,
  frontchannel_logout_uri: filledText,
  frontchannel_logout_session_required: flag,
  backchannel_logout_uri: filledText,
  backchannel_logout_session_required: flag,
}

/** Scopes in one text; `rename` maps names that mean the same. */
export const scopeText =
  (rename: Readonly<Record<string, string>> = {}): Convert<readonly string[]> =>
  (source, target) => {
    const names = source
      .text()
      ?.split(' ')
      .filter(name => name !== '')
    if (names === undefined) return
    const renamed = names.find(name => Object.hasOwn(rename, name))
    if (renamed === undefined) source.carriedOver(target)
    else source.changed(`"${renamed}" is "${rename[renamed]}" here`, target)
    return [...new Set(names.map(name => (Object.hasOwn(rename, name) ? rename[name]! : name)))]
  }

/** A secret in plain text, as the only one of the client. */
export const plainSecret: Convert<readonly object[]> = (source, target) => {
  const value = source.text()
  if (value === undefined) return
  source.carriedOver(target)
  return [{ value }]
}
