/** The access token of a request (RFC 6750 §2). */

import type { Ok } from '../result.ts'
import { ok } from '../result.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { ApiRequest } from './request.ts'

/** Where a request may contain its token: a value of `bearer_methods_supported` (RFC 9728 §2). */
export type BearerMethod = 'header' | 'body' | 'query'

export type PresentedToken = {
  /** In lower case. */
  readonly scheme: string
  readonly token: string
  readonly method: BearerMethod
}

export type PresentationRules = {
  /** Schemes of the `Authorization` header, in lower case. */
  readonly schemes: readonly string[]
  readonly methods: readonly BearerMethod[]
  /** Characters. */
  readonly maxTokenLength: number
}

/**
 * Returns the only token of a request. Refuses a token in the query or in a form unless that is allowed, and any
 * request with several tokens (RFC 6750 §2).
 */
export function presentedToken(request: ApiRequest, rules: PresentationRules): Ok<PresentedToken> | Refusal {
  const inQuery = valuesOf(queryOf(request.url))
  const inBody = valuesOf(formOf(request))
  if (inQuery.length > 0 && !rules.methods.includes('query')) return refuse('token_in_query')
  if (inBody.length > 0 && !rules.methods.includes('body')) return refuse('token_in_body')
  const lines = request.header('authorization')
  if (lines.length > 1) return refuse('authorization_repeated')
  const [line] = lines
  if (inQuery.length + inBody.length + lines.length > 1) return refuse('token_repeated')
  if (line !== undefined) return tokenInHeader(line, rules)
  const [token = inBody[0]] = inQuery
  if (token === undefined) return refuse('token_missing')
  return checkSyntax({ scheme: 'bearer', token, method: inQuery.length > 0 ? 'query' : 'body' }, rules)
}

const credentials = /^([!#$%&'*+.^_`|~\w-]+)(?: +(.*))?$/

function tokenInHeader(line: string, rules: PresentationRules): Ok<PresentedToken> | Refusal {
  if (!rules.methods.includes('header')) return refuse('token_missing')
  // Longer values aren't examined at all.
  if (line.length > rules.maxTokenLength + 64) return refuse('token_too_long')
  const [, scheme = '', token = ''] = credentials.exec(line.trim()) ?? []
  if (scheme === '') return refuse('authorization_malformed')
  // RFC 6750 §3.1: credentials of another scheme count as none.
  if (!rules.schemes.includes(scheme.toLowerCase())) return refuse('scheme_unsupported')
  if (token === '') return refuse('authorization_malformed')
  // Several headers, which a framework joined.
  if (token.includes(',')) return refuse('authorization_repeated')
  return checkSyntax({ scheme: scheme.toLowerCase(), token, method: 'header' }, rules)
}

/** RFC 6750 §2.1, b64token. */
const b64token = /^[\w.~+/-]+=*$/

function checkSyntax(presented: PresentedToken, rules: PresentationRules): Ok<PresentedToken> | Refusal {
  if (presented.token.length > rules.maxTokenLength) return refuse('token_too_long')
  return b64token.test(presented.token) ? ok(presented) : refuse('token_malformed')
}

const queryOf = (url: string): URLSearchParams | undefined => {
  const start = url.indexOf('?')
  return start < 0 ? undefined : new URLSearchParams(url.slice(start + 1).replace(/#.*$/s, ''))
}

const valuesOf = (parameters: URLSearchParams | undefined): readonly string[] =>
  parameters?.getAll('access_token') ?? []

/** Returns the form in the body, if the framework has parsed one (RFC 6750 §2.2). */
function formOf({ body, header }: ApiRequest): URLSearchParams | undefined {
  const isForm = header('content-type').some(type =>
    type.trim().toLowerCase().startsWith('application/x-www-form-urlencoded'),
  )
  if (!isForm || typeof body !== 'object' || body === null || !Object.hasOwn(body, 'access_token')) return
  const { access_token } = body as { readonly access_token: unknown }
  return new URLSearchParams([access_token].flat().map(value => ['access_token', `${value}`]))
}
