/** Generates the OpenAPI document (OpenAPI 3.1.1) from the descriptions of the operations. */

import type { JsonObject } from '@tessera/protocol/result'
import type { AnySchema } from '../../configuration/validation/schema.ts'
import { adminPath, adminScopes, describeAdminScope } from '../../model/admin-api.ts'
import type { Description, Descriptions, QueryParameter } from './operation.ts'
import { type ProblemReason, problems } from './problem.ts'
import { dryRunParameter } from './request.ts'

type Source = {
  readonly operations: Descriptions
  /** The schemas of responses, by name. */
  readonly schemas: Readonly<Record<string, AnySchema>>
  readonly issuer: string
}

/** Returns the document. The same schemas check the requests. */
export const openApiDocument = ({ operations, schemas, issuer }: Source): JsonObject => ({
  openapi: '3.1.1',
  info: {
    title: 'Tessera admin API',
    version: '1',
    description:
      'Manages one issuer. Any operation may also respond 413 to a body of more than 65536 bytes, and 503 with Retry-After.',
  },
  servers: [{ url: issuer + adminPath }],
  security: [{ admin: [] }],
  tags: [...new Set(Object.values(operations).map(({ tag }) => tag))].map(name => ({ name })),
  paths: pathsOf(operations),
  components: {
    schemas: {
      ...Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, schema.jsonSchema()])),
      ...bodySchemasOf(operations),
      Problem: problemSchema,
    },
    securitySchemes: {
      admin: {
        type: 'openIdConnect',
        openIdConnectUrl: `${issuer}/.well-known/openid-configuration`,
        description: adminScopes.map(scope => `${scope}: ${describeAdminScope(scope)}`).join(' '),
      },
    },
  },
})

function pathsOf(operations: Descriptions): JsonObject {
  const byPath = Map.groupBy(Object.entries(operations), ([, { path }]) => path)
  return Object.fromEntries(
    [...byPath].map(([path, entries]) => [
      path,
      {
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
          name,
          in: 'path',
          required: true,
          schema: { type: 'string', minLength: 1 },
        })),
        ...Object.fromEntries(entries.map(([id, one]) => [one.method.toLowerCase(), operationOf(id, one)])),
      },
    ]),
  )
}

function operationOf(id: string, description: Description): JsonObject {
  const { scope, summary, tag, body } = description
  return {
    operationId: id,
    summary,
    tags: [tag],
    security: [{ admin: [scope] }],
    parameters: parametersOf(description),
    ...(body && {
      requestBody: { required: true, content: { [body.type]: { schema: bodySchemaOf(body) } } },
    }),
    responses: { ...successesOf(description), ...problemsOf(description) },
  }
}

function parametersOf({ query = {}, dryRun, conditions }: Description): readonly JsonObject[] {
  const own = Object.entries(query).map(([name, one]) => parameterOf(name, one))
  return [
    ...own,
    ...(dryRun ? [parameterOf('dry_run', dryRunParameter)] : []),
    ...(conditions === 'match' ? [headerOf('If-Match', 'The ETag of the version to change.')] : []),
    ...(conditions ? [headerOf('If-None-Match', noneMatch[conditions])] : []),
  ]
}

const noneMatch = {
  match: '*: only if the entry does not exist.',
  'none-match': 'The ETag of a version that the client has.',
} as const

const parameterOf = (name: string, { schema, description }: QueryParameter): JsonObject => ({
  name,
  in: 'query',
  description,
  schema: schema.jsonSchema(),
})

const headerOf = (name: string, description: string): JsonObject => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
})

/** Returns the bodies that several operations have. A tenant has lists of the others. */
function bodySchemasOf(operations: Descriptions): JsonObject {
  const named = new Map<string, JsonObject>()
  for (const { body } of Object.values(operations))
    if (body?.name !== undefined && !named.has(body.name)) named.set(body.name, body.schema.jsonSchema())
  const names = new Map([...named].map(([name, schema]) => [JSON.stringify(schema), name]))
  return Object.fromEntries([...named].map(([name, schema]) => [name, withReferences(schema, names)]))
}

/** Replaces the elements of lists that have a name. */
function withReferences(schema: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  const properties = Object.entries(schema.properties as Readonly<Record<string, JsonObject>>)
  const replaced = properties.map(([key, member]) => {
    const name = names.get(JSON.stringify(member.items))
    return [key, name === undefined ? member : { ...member, items: reference(name) }]
  })
  return { ...schema, properties: Object.fromEntries(replaced) }
}

function bodySchemaOf({ type, schema, name }: NonNullable<Description['body']>): JsonObject {
  const isPatch = type === 'application/merge-patch+json'
  if (name === undefined) return isPatch ? patchOf(schema.jsonSchema()) : schema.jsonSchema()
  return isPatch ? patchOf(membersOf(name, schema.jsonSchema())) : reference(name)
}

/** Returns the schema with references to its members. */
const membersOf = (name: string, { properties, description = '' }: JsonObject): JsonObject => ({
  type: 'object',
  description,
  properties: Object.fromEntries(
    Object.keys(properties as JsonObject).map(member => [member, reference(`${name}/properties/${member}`)]),
  ),
  additionalProperties: false,
})

/** In a merge patch every member is optional, and null removes it (RFC 7396 §2). */
function patchOf({ required: _, properties, ...schema }: JsonObject): JsonObject {
  const members = Object.entries(properties as JsonObject).map(([name, member]) => {
    const { default: __, ...plain } = member as JsonObject
    return [name, { anyOf: [plain, { type: 'null' }] }]
  })
  return { ...schema, properties: Object.fromEntries(members) }
}

const etagHeader = { ETag: { description: 'The version of the entry.', schema: { type: 'string' } } } as const

function successesOf({ success, conditions }: Description): JsonObject {
  return Object.fromEntries(
    Object.entries(success).map(([status, { description, schema, list }]) => [
      status,
      {
        description,
        ...(conditions && status !== '204' && { headers: etagHeader }),
        ...(schema !== undefined && {
          content: { 'application/json': { schema: list ? pageOf(schema) : reference(schema) } },
        }),
      },
    ]),
  )
}

const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

const pageOf = (name: string): JsonObject => ({
  type: 'object',
  properties: {
    items: { type: 'array', items: reference(name) },
    next_cursor: {
      type: 'string',
      description: 'The cursor of the next page. Omitted: this is the last one.',
    },
  },
  required: ['items'],
  additionalProperties: false,
})

/** Problems that the frame of every operation may report. */
const problemsOfAll: readonly ProblemReason[] = [
  'admin_token_missing',
  'admin_token_invalid',
  'admin_scope_missing',
  'admin_query_malformed',
  'admin_body_malformed',
]

/** Returns the problems of an operation. */
const problemReasonsOf = ({ path, body, problems: own }: Description): readonly ProblemReason[] => [
  ...problemsOfAll,
  ...(path.includes('{') ? (['admin_path_malformed'] as const) : []),
  ...(body ? (['admin_media_type_unsupported'] as const) : []),
  ...(body && !body.checkedLater ? (['admin_entry_invalid'] as const) : []),
  ...own,
]

function problemsOf(description: Description): JsonObject {
  const byStatus = Map.groupBy(new Set(problemReasonsOf(description)), reason => problems[reason][0])
  return Object.fromEntries(
    [...byStatus].map(([status, reasons]) => [
      status,
      {
        description: reasons.map(reason => `${reason}: ${problems[reason][1]}.`).join(' '),
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  )
}

const text = { type: 'string' } as const

const problemSchema: JsonObject = {
  description: 'Why a request is refused (RFC 9457).',
  type: 'object',
  properties: {
    type: { ...text, description: 'urn:tessera:problem: and the reason.' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    reason: { ...text, enum: Object.keys(problems), description: 'See docs/reasons.md.' },
    request_id: { ...text, description: 'The id of the request in the log.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          path: { ...text, description: 'Such as groups[1].' },
          problem: text,
          expected: text,
          fix: text,
        },
        required: ['path', 'problem', 'expected'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'reason', 'request_id'],
}
