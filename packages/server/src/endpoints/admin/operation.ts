/**
 * Operations of the admin API. A description is data: the endpoint checks requests by it, and the OpenAPI document is
 * generated from it.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { AnySchema, output } from '../../configuration/validation/schema.ts'
import type { Scheme } from '../../messages/bearer.ts'
import type { AdminScope } from '../../model/admin-api.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import type { Conditions } from './condition.ts'
import type { Problem, ProblemReason } from './problem.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A query parameter. Values of others are refused. */
export type QueryParameter = { readonly schema: AnySchema; readonly description: string }

type Success = {
  readonly description: string
  /** The name of a schema in {@link schemas}; omitted: no body. */
  readonly schema?: string
  /** The response is a page of entries. */
  readonly list?: true
}

/** A merge patch (RFC 7396) is applied to the entry, and the result is checked. */
type BodyType = 'application/json' | 'application/merge-patch+json'

export type Description = {
  readonly method: Method
  /** Below `/admin/api/v1`, such as `/users/{sub}`. */
  readonly path: string
  readonly scope: AdminScope
  readonly summary: string
  readonly tag: string
  readonly query?: Readonly<Record<string, QueryParameter>>
  readonly body?: {
    readonly type: BodyType
    readonly schema: AnySchema
    /** The name of the schema in the document, if several operations have it. */
    readonly name?: string
    /** The endpoint only checks that it is an object; the handler checks the rest. */
    readonly checkedLater?: true
  }
  /** Whether it reads `If-Match` and `If-None-Match`: `match` for both, `none-match` for reads. */
  readonly conditions?: 'match' | 'none-match'
  /** Whether `dry_run=true` checks everything and changes nothing. */
  readonly dryRun?: true
  readonly success: Readonly<Record<number, Success>>
  /** The problems besides those of every operation. */
  readonly problems: readonly ProblemReason[]
}

/** Descriptions by `operationId`. */
export type Descriptions = Readonly<Record<string, Description>>

/** An authenticated caller. */
export type Caller = {
  readonly client_id: string
  readonly sub: string
  readonly scope: ReadonlySet<string>
  /** How it sent its token. A challenge names the same scheme (RFC 9449 §7.1). */
  readonly scheme: Scheme
  /** Algorithms of DPoP proofs, for challenges. */
  readonly algorithms: readonly string[]
  /** The nonce that its DPoP proofs contain from now on, if that changes (RFC 9449 §8.2). */
  readonly nonce?: string | undefined
}

export type Call<Body = unknown> = {
  readonly request: HttpRequest
  readonly caller: Caller
  readonly operation: string
  /** The decoded segments of the path, by name. */
  readonly path: Readonly<Record<string, string>>
  /** The checked query parameters. */
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Body
  readonly dryRun: boolean
  readonly conditions: Conditions
  /** Reports a change, once it was stored. */
  readonly changed: (kind: string, id: string) => void
}

export type Reply = {
  readonly ok: true
  readonly status: 200 | 201 | 204 | 304
  readonly body?: object
  readonly etag?: string | undefined
  /** Below `/admin/api/v1`. */
  readonly location?: string
}

type BodyOf<One extends Description> = One extends { readonly body: { readonly schema: infer Schema } }
  ? Schema extends AnySchema
    ? output<Schema>
    : undefined
  : undefined

/** A handler for each description. */
export type Handlers<Table extends Descriptions> = {
  readonly [Id in keyof Table]: (call: Call<BodyOf<Table[Id]>>) => Awaitable<Reply | Problem>
}

export type AnyHandlers = Readonly<Record<string, (call: Call<never>) => Awaitable<Reply | Problem>>>
