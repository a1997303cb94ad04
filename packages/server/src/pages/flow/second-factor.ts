/** Whether this browser's sign-in lacks a second factor: asked wherever a session is about to be used. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { AskSecondFactor, Proven, SecondFactorNeed } from '../../identity/mfa-policy.ts'
import type { Client } from '../../model/client.ts'
import type { RequestedAcr } from '../../model/mfa.ts'
import type { RememberedBrowsers } from './remembered-browser.ts'

/** Answers what is missing; undefined: nothing. */
export type LackingSecondFactor = (
  request: HttpRequest,
  proven: Proven,
  context: { readonly client?: Client; readonly asked?: RequestedAcr | undefined },
) => Promise<SecondFactorNeed | undefined>

export const createSecondFactorCheck =
  ({
    askSecondFactor,
    rememberedBrowsers,
  }: {
    askSecondFactor: AskSecondFactor
    rememberedBrowsers: RememberedBrowsers
  }): LackingSecondFactor =>
  (request, proven, { client, asked = nothing }) =>
    askSecondFactor({
      proven,
      ...(client && { client }),
      asked,
      remembered: (factors, policy) => rememberedBrowsers.holds(request, proven, factors, policy),
    })

const nothing: RequestedAcr = { values: [] }
