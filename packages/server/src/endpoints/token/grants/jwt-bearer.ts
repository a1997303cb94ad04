/** JWT bearer assertions as authorization grants (RFC 7523 §2.1, §3), from issuers that the configuration trusts. */

import { grantTypes } from '@tessera/protocol/grant-types'
import { maxTokenLength } from '@tessera/protocol/parameters'
import type { JsonObject } from '@tessera/protocol/result'
import type { JSONWebKeySet, JWTPayload } from 'jose'
import {
  defineGrant,
  type ExtensionGrant,
  type GrantContext,
  type GrantDecision,
  type GrantRefusal,
} from '../../../model/extension-grant.ts'

export type AssertionIssuer = {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

export type JwtBearerOptions = {
  readonly issuers: readonly AssertionIssuer[]
  /**
   * Maps the claims of an assertion to a `sub` of this server; undefined refuses it. Default: the assertion's own
   * `sub`.
   */
  readonly subject?: (claims: JsonObject) => string | undefined | Promise<string | undefined>
}

/**
 * How far in the future `exp` may be (seconds). Limited, because the used `jti` is stored until then. Assertions
 * typically live for an hour.
 */
const maxLifetime = 3900
/** How fast the issuer's clock may be, and how long ago the assertion may have expired (seconds). */
const skewAhead = 60
const skewAfterEnd = 5

/**
 * Creates the grant. The subject must be an active user of this server. Each assertion is accepted once, identified by
 * its `jti` or its content. Refuses `invalid_grant` for an invalid assertion (RFC 7523 §3.1).
 */
export function jwtBearer({
  issuers,
  subject: subjectOf = ({ sub }) => (typeof sub === 'string' ? sub : undefined),
}: JwtBearerOptions): ExtensionGrant {
  const trusted = new Map(issuers.map(({ issuer, jwks }) => [issuer, jwks as unknown as JSONWebKeySet]))

  return defineGrant({
    grantType: grantTypes.jwtBearer,
    parameters: { assertion: { required: true, maxLength: maxTokenLength } },
    async decide({ parameters, resource }, context) {
      const assertion = parameters.get('assertion') as string
      const claims = await verify(assertion, trusted, context)
      if (!claims) return refused('assertion_invalid')
      const { iss, exp, iat, jti } = claims as { iss: string; exp: number; iat?: number; jti?: unknown }
      if (jti !== undefined && typeof jti !== 'string') return refused('assertion_invalid')
      if (exp <= context.now - skewAfterEnd) return refused('assertion_invalid')
      if (
        exp > context.now + maxLifetime + skewAhead ||
        (iat !== undefined && iat > context.now + skewAhead)
      ) {
        return refused('assertion_lifetime_invalid')
      }
      const sub: unknown = await subjectOf(claims as JsonObject)
      // A JavaScript function may return anything.
      if (sub !== undefined && typeof sub !== 'string')
        throw new TypeError(`jwtBearer.subject is a value of type ${typeof sub}, not a string or undefined`)
      const user = sub === undefined ? undefined : await context.user(sub)
      if (!user) return refused('assertion_subject_unknown')
      const decision: GrantDecision = {
        ok: true,
        subject: { sub: user.sub, idp: iss, amr: ['jwt'] },
        audience: resource.length > 0 ? resource : undefined,
        uses: {
          id: jti === undefined ? signedPart(assertion) : `${iss}\n${jti}`,
          expires_at: Math.ceil(exp) + skewAfterEnd,
        },
      }
      return decision
    },
  })
}

/** Returns the assertion without its signature, because an ECDSA signature has a second valid encoding. */
const signedPart = (assertion: string): string => assertion.slice(0, assertion.lastIndexOf('.'))

async function verify(
  assertion: string,
  trusted: ReadonlyMap<string, JSONWebKeySet>,
  { issuer, now, signatureAlgorithms }: GrantContext,
): Promise<JWTPayload | undefined> {
  const { createLocalJWKSet, decodeJwt, errors, jwtVerify } = await import('jose')
  try {
    const { iss } = decodeJwt(assertion)
    const jwks = trusted.get(iss ?? '')
    if (!jwks || iss === undefined) return undefined
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks), {
      issuer: iss,
      audience: [issuer, `${issuer}/connect/token`],
      algorithms: [...signatureAlgorithms],
      requiredClaims: ['iss', 'sub', 'aud', 'exp'],
      clockTolerance: skewAhead,
      currentDate: new Date(now * 1000),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}

const refused = (reason: string): GrantRefusal => ({
  ok: false,
  error: 'invalid_grant',
  reason,
  description: 'the assertion is not valid',
})
