/**
 * An authorization request's parameters, compressed before they are sealed, because proxies limit the length of URLs.
 *
 * The length of data that is compressed together with a secret leaks the secret (CRIME). Therefore only the parameters
 * are compressed, which all come from the sender of the request. Data of this server about the browser (hashes of
 * handles, `sid`, a CSRF token) is not compressed. Other parties can't choose a part of a request that a client pushed
 * or encrypted. If it also includes parameters that were sent unencrypted, it is `mixed` and not compressed.
 */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { maxParametersLength } from '../../authorization-request/long-request.ts'
import type { Packing } from './seal.ts'

/** Text that most requests contain. It is part of the format: values can't be unpacked with a different dictionary. */
const dictionary = Buffer.from(
  [
    'claims=%7B%22userinfo%22%3A%7B%22%22%3A%7B%22essential%22%3Atrue%7D%2C%22id_token%22%3A%7B%22',
    '&id_token_hint=eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Ii&acr_values=&login_hint=&max_age=&ui_locales=en',
    '&resource=https%3A%2F%2Fapi.&response_mode=form_post&prompt=consent&prompt=none&prompt=login&nonce=&state=',
    '&client_id=&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&response_type=code',
    '&scope=openid+profile+email+offline_access&code_challenge_method=S256&code_challenge=',
  ].join(''),
)

/**
 * A window of 8 KiB contains all parameters, and most of them fit into one chunk. With the defaults, zlib prepares 256 KiB
 * of memory for each request, which takes longer than the compression, and compresses no better.
 */
const chunkSize = 1024
const compression = { level: 9, windowBits: 13, memLevel: 7, chunkSize, dictionary } as const

/** Separates the JSON, which has no such byte, from the compressed parameters. */
const separator = 0

/** Packs values that have form-encoded parameters. Other values are not packed. */
export const packRequests = <Value extends object>(): Packing<Value> => ({
  encode(value) {
    const { parameters = '', ...rest } = value as { readonly parameters?: string; readonly mixed?: true }
    if (parameters === '' || rest.mixed) return undefined
    const compressed = deflateRawSync(parameters, compression)
    return Buffer.concat([Buffer.from(JSON.stringify(rest)), Buffer.of(separator), compressed])
  },
  decode(bytes) {
    const end = bytes.indexOf(separator)
    if (end < 0) return undefined
    // Text that this server packed is never longer; the limit guards against bugs.
    const limits = { maxOutputLength: maxParametersLength, chunkSize, dictionary }
    const parameters = inflateRawSync(bytes.subarray(end + 1), limits).toString()
    return { ...JSON.parse(bytes.toString('utf8', 0, end)), parameters }
  },
})
