/** The guard for Hono: the interface of `@tessera/client/api/hono`. */

import type { Access } from './access.ts'
import { createFetchCheck, type FetchRequest, toResponse } from './fetch-message.ts'
import type { ApiGuard } from './guard.ts'
import { metadataResponse } from './metadata-response.ts'
import type { AdapterOptions } from './node-message.ts'
import type { Requirements } from './requirements.ts'

export type { Access } from './access.ts'
export type { AdapterOptions } from './node-message.ts'

/** Variables of the context, for `new Hono<{ Variables: AccessVariables }>()`. */
export type AccessVariables = { access: Access }

/** The part of a Hono context that the guard uses. */
export type HonoContext = {
  readonly req: { readonly raw: FetchRequest }
  set(name: 'access', access: Access): void
  header(name: string, value?: string): void
}

/**
 * Returns a middleware that sets the variable `access` if a request meets the requirements, and otherwise refuses it.
 */
export function honoGuard<Context extends HonoContext>(
  guard: ApiGuard,
  requirements: Requirements = {},
  options: AdapterOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  const check = createFetchCheck(guard, requirements)
  return async (context, next) => {
    const decision = await check(context.req.raw, await options.certificate?.(context))
    if (!decision.ok) return toResponse(decision.response)
    context.set('access', decision.access)
    await next()
    for (const [name, value] of Object.entries(decision.headers)) context.header(name, value)
    return undefined
  }
}

/** Returns a middleware that serves the protected-resource metadata. Use it at the root of the application. */
export const honoMetadata =
  (guard: ApiGuard) =>
  async (context: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    const { method, url } = context.req.raw
    const response = metadataResponse(guard, method, url)
    if (response) return toResponse(response)
    await next()
    return undefined
  }
