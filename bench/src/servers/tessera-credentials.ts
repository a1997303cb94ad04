/**
 * Credentials of a running Tessera: codes through its store, as a sign-in would issue them; all others by redeeming
 * codes.
 */

import { randomBytes } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { AuthorizationId } from '../../../packages/server/src/model/authorization.ts'
import { hashHandle, newHandle, newTimedId } from '../../../packages/server/src/model/handle.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { load } from '../load/load.ts'
import { codeForm, post } from '../load/requests.ts'
import {
  challenge,
  lifetimes,
  type Party,
  redirectUri,
  subjects,
  userScope,
  web,
  webReference,
} from '../parties.ts'
import type { Credential } from '../rows/row.ts'
import { parseTokens, type TokenAnswer } from '../rows/token-answer.ts'

type Client = Party | { readonly client_id: string }

/** Where codes are redeemed, and the client without a secret to which they are issued; `web…` by default. */
export type Redeeming = {
  readonly port: number
  readonly tokenPath: string
  readonly publicClient?: string | undefined
}

/** No more at once than the store's queue accepts. */
const atOnce = 1000

/** @param stores A second connection to the server's store. */
export async function makeCredentials(
  stores: Stores,
  server: Redeeming,
  kind: Credential,
  count: number,
): Promise<readonly string[]> {
  const { publicClient } = server
  const client =
    publicClient !== undefined ? { client_id: publicClient } : kind === 'reference_token' ? webReference : web
  const codes: string[] = []
  while (codes.length < count) {
    const some = Math.min(atOnce, count - codes.length)
    codes.push(
      ...(await Promise.all(
        Array.from({ length: some }, (_, index) =>
          issueCode(stores, client, subjectAt(codes.length + index)),
        ),
      )),
    )
  }
  if (kind === 'code') return codes
  const answers = await redeem(codes, client, server)
  return answers.map(({ access_token, refresh_token }) =>
    kind === 'refresh_token' ? refresh_token! : access_token,
  )
}

const subjectAt = (index: number): string => subjects[index % subjects.length]!

async function issueCode({ codes }: Stores, { client_id }: Client, sub: string): Promise<string> {
  const now: Seconds = Math.floor(Date.now() / 1000)
  const value = newHandle({ bytes: randomBytes }, 'tc')
  const id = newTimedId<AuthorizationId>({ bytes: randomBytes })
  await codes.issue(
    {
      ...{
        id,
        client_id,
        sub,
        sid: 'bench',
        scope: userScope,
        resources: [],
        idp: 'local',
        amr: ['pwd'],
      },
      ...{
        auth_time: now,
        created_at: now,
        expires_at: now + lifetimes.refreshToken + lifetimes.accessToken,
      },
    },
    {
      ...{ hash: hashHandle(value), authorization_id: id, redirect_uri: redirectUri },
      ...{ code_challenge: challenge, code_challenge_method: 'S256', expires_at: now + lifetimes.code },
    },
  )
  return value
}

async function redeem(
  codes: readonly string[],
  client: Client,
  { port, tokenPath }: Redeeming,
): Promise<readonly TokenAnswer[]> {
  const answers: TokenAnswer[] = []
  let used = 0
  await load({
    ...{ port, connections: Math.min(16, codes.length), seconds: 60 },
    next: () => (used < codes.length ? post(tokenPath, client, codeForm(codes[used++]!)) : undefined),
    check(body) {
      answers.push(parseTokens(body))
      return undefined
    },
  })
  return answers
}
