/** The page of all third-party applications: a link "Log in", and after a sign-in "Signed in as NAME" and "Log out". */

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ForeignApp = {
  /** Its client in the server's configuration. */
  readonly client: (origin: string) => object
  /** Returns its request handler, given its own origin and the issuer. */
  readonly listener: (place: { readonly origin: string; readonly issuer: string }) => Promise<RequestListener>
}

export type RunningApp = { readonly origin: string; readonly close: () => void }

/** Listens; the handler is set once the issuer is known. */
export async function reserveOrigin(): Promise<
  RunningApp & { readonly answerWith: (listener: RequestListener) => void }
> {
  let answer: RequestListener = (_, response) => response.writeHead(503).end()
  const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // The name instead of the address: another site than the server's, which is on 127.0.0.1.
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    answerWith(listener) {
      answer = listener
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

export const pageOf = (content: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><main id="app">${content}</main>`

export const signedOut = (loginPath: string): string => pageOf(`<a href="${loginPath}">Log in</a>`)

export const signedIn = (name: string, logoutPath: string): string =>
  pageOf(`<p>Signed in as ${name}</p><a href="${logoutPath}">Log out</a>`)

export const secret = 'a secret of the application, of more than thirty-two characters'
