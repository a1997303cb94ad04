/** The admin API: finds the operation of a request, checks the caller and the request, and responds. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { AnySchema } from '../../configuration/validation/schema.ts'
import { noStoreHeaders } from '../../messages/json-response.ts'
import { adminPath, type NoteAdminChange } from '../../model/admin-api.ts'
import type { AuditData } from '../../model/audit.ts'
import { type Step, stepsUpTo } from '../../model/steps.ts'
import { nonceHeader } from '../../proof/sender-constraint.ts'
import { withOrigin } from '../../runtime/async/origin.ts'
import { networkOf, requestFields } from '../../runtime/network.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import { authenticateCaller, type CallerPorts, checkScope } from './caller.ts'
import { readConditions } from './condition.ts'
import { openApiDocument } from './openapi.ts'
import type { AnyHandlers, Caller, Description, Descriptions, Reply } from './operation.ts'
import { type Problem, problem, problemResponse } from './problem.ts'
import { checkIds, dryRunParameter, matchPath, readBody, readQuery } from './request.ts'

type AdminPorts = CallerPorts & {
  readonly issuer: string
  readonly operations: Descriptions
  readonly schemas: Readonly<Record<string, AnySchema>>
  readonly handlers: AnyHandlers
  readonly noteChange: NoteAdminChange
  /** Records a change that was requested, before it is made. */
  readonly recordRequest: (data: AuditData['admin.requested']) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

const documentPath = '/openapi.json'

/**
 * Serves every path below `/admin/api/v1`. Requires an access token for {@link adminAudience} with the scope of the
 * operation. Refuses with problem details (RFC 9457).
 */
export function createAdminEndpoint(ports: AdminPorts): Endpoint {
  const { issuer, operations, schemas, handlers, noteChange, recordRequest, clock, log } = ports
  const base = new URL(issuer).pathname.replace(/\/$/, '') + adminPath
  const table = Object.entries(operations).map(([id, description]) => ({ id, description }))
  let document: string | undefined

  return async request => {
    const outcome = await respond(request)
    return 'status' in outcome ? outcome : refuse(request, outcome)
  }

  async function respond(request: HttpRequest): Promise<HttpResponse | Problem> {
    const caller = await authenticateCaller(request, ports)
    if (!caller.ok) return caller
    const response = await respondTo(request, caller.value)
    return 'status' in response && caller.value.nonce !== undefined
      ? { ...response, headers: { ...response.headers, ...nonceHeader(caller.value.nonce) } }
      : response
  }

  async function respondTo(request: HttpRequest, caller: Caller): Promise<HttpResponse | Problem> {
    const path = request.path.slice(base.length)
    if (path === documentPath) return documentOrRefuse(request, caller)
    const found = table.flatMap(({ id, description }) => {
      const values = matchPath(description.path, path)
      return values ? [{ id, description, values }] : []
    })
    if (found.length === 0)
      return withCaller(problem('admin_path_unknown', `see ${adminPath}${documentPath}`), caller)
    const operation = found.find(({ description }) => description.method === request.method)
    if (!operation)
      return withCaller(methodNotAllowed(found.map(({ description }) => description.method)), caller)
    const reply = await run(request, caller, operation)
    return reply.ok ? responseOf(reply) : withCaller(reply, caller)
  }

  async function run(
    request: HttpRequest,
    caller: Caller,
    {
      id,
      description,
      values,
    }: {
      readonly id: string
      readonly description: Description
      readonly values: Readonly<Record<string, string>>
    },
  ): Promise<Reply | Problem> {
    const forbidden = checkScope(caller, description.scope)
    if (forbidden) return forbidden
    const malformed = checkIds(values)
    if (malformed) return malformed
    const query = readQuery(request.query, {
      ...description.query,
      ...(description.dryRun && { dry_run: dryRunParameter }),
    })
    if (!query.ok) return query
    const body = readBody(request, description)
    if (!body.ok) return body
    const dryRun = query.value.dry_run === true
    const origin = {
      actor: { kind: 'admin', client_id: caller.client_id },
      ...requestFields(request),
    } as const
    return withOrigin(origin, async () => {
      if (description.method !== 'GET' && !dryRun) {
        const { sub, sid, ...path } = values
        await recordRequest({
          operation: id,
          ...(sub !== undefined && { sub }),
          ...(sid !== undefined && { sid }),
          path,
        })
      }
      return handlers[id]!({
        request,
        caller,
        operation: id,
        path: values,
        query: query.value,
        body: body.value as never,
        dryRun,
        conditions: readConditions(request.headers),
        changed: (kind, changed) =>
          noteChange({
            operation: id,
            kind,
            id: changed,
            actor: { client_id: caller.client_id, sub: caller.sub },
            request_id: request.id,
            network: networkOf(request),
            at: clock.now(),
          }),
      })
    })
  }

  function documentOrRefuse({ method }: HttpRequest, caller: Caller): HttpResponse | Problem {
    if (method !== 'GET') return withCaller(methodNotAllowed(['GET']), caller)
    document ??= JSON.stringify(openApiDocument({ operations, schemas, issuer }))
    return { status: 200, headers: jsonHeaders, body: document }
  }

  function responseOf({ status, body, etag, location }: Reply): HttpResponse {
    return {
      status,
      headers: {
        ...(body === undefined ? noStoreHeaders : jsonHeaders),
        ...(etag !== undefined && { etag }),
        ...(location !== undefined && { location: issuer + adminPath + location }),
      },
      body: body === undefined ? '' : JSON.stringify(body),
    }
  }

  function refuse(request: HttpRequest, refused: Problem): HttpResponse {
    log.info('refused', {
      endpoint: 'admin',
      ...requestFields(request),
      steps: stepsUpTo('admin', stepOf(refused.reason)),
      reason: refused.reason,
      ...refused.log,
    })
    return problemResponse(request, refused)
  }
}

/** Returns the step that refuses with a reason. Those of the token's verification are not of the admin API. */
function stepOf(reason: string): Step {
  if (reason === 'admin_scope_missing') return 'grant'
  if (/^admin_(path|method|query|body|media)_/.test(reason)) return 'parse'
  return /^admin_(cursor|entry|precondition)_/.test(reason) ? 'decide' : 'authenticate'
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8', ...noStoreHeaders } as const

const withCaller = (refused: Problem, { client_id }: Caller): Problem => ({
  ...refused,
  log: { client_id, ...refused.log },
})

const methodNotAllowed = (methods: readonly string[]): Problem => {
  const expected = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  return problem('admin_method_not_allowed', `expected one of ${expected}`, { headers: { allow: expected } })
}
