/** Software statements (RFC 7591 §2.3): metadata signed by an issuer that the operator trusts. */

import { type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { SigningAlgorithm } from '../../model/client.ts'
import { jwtType } from '../../model/jose.ts'
import type { Registration } from '../../model/registration.ts'
import type { Clock } from '../../runtime/ports.ts'

export type ReadSoftwareStatement = (statement: unknown) => Promise<Result<JsonObject>>

const maxLength = 16_384

/**
 * Creates the reader. Refuses `invalid_software_statement`, and `unapproved_software_statement` for an untrusted
 * issuer.
 */
export function createSoftwareStatements({
  registration: { softwareIssuers },
  issuer: audience,
  algorithms,
  clock,
}: {
  readonly registration: Pick<Registration, 'softwareIssuers'>
  /** This server. */
  readonly issuer: string
  /** Those of statements. */
  readonly algorithms: readonly SigningAlgorithm[]
  readonly clock: Clock
}): ReadSoftwareStatement {
  return async statement => {
    if (typeof statement !== 'string' || statement.length > maxLength) return invalid('malformed')
    // Load on first use, because few installations need it.
    const { createLocalJWKSet, decodeJwt, jwtVerify } = await import('jose')
    try {
      const { iss } = decodeJwt(statement)
      const trusted = softwareIssuers.find(({ issuer }) => issuer === iss)
      if (!trusted) {
        return refuse('unapproved_software_statement', 'software_statement_issuer_unknown', {
          description: 'the issuer of the software statement is not trusted',
        })
      }
      const keys = createLocalJWKSet(trusted.jwks as Parameters<typeof createLocalJWKSet>[0])
      const { payload, protectedHeader } = await jwtVerify(statement, keys, {
        issuer: trusted.issuer,
        algorithms: [...algorithms],
        currentDate: new Date(clock.now() * 1000),
      })
      // RFC 8725 §3.9, §3.11: reject JWTs that the issuer made for another purpose or audience, such as ID tokens.
      const isJwt = jwtType(protectedHeader.typ) === 'jwt'
      const isForUs = payload.aud === undefined || [payload.aud].flat().includes(audience)
      return isJwt && isForUs ? ok(payload as JsonObject) : invalid(isJwt ? 'audience' : 'type')
    } catch (error) {
      return invalid(String((error as { code?: unknown }).code ?? error))
    }
  }
}

const invalid = (error_code: string): Refusal =>
  refuse('invalid_software_statement', 'software_statement_invalid', {
    description: 'the software statement is not valid',
    log: { error_code },
  })
