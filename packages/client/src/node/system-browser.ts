/** Opens the browser of the operating system. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** The program and its arguments, by platform. None of them is a shell, which would interpret characters of the URL. */
const commands: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['rundll32.exe', 'url.dll,FileProtocolHandler'],
}

/**
 * Opens an http or https URL. Rejects if the program that opens URLs does not exist or reports a failure. Resolves when
 * it ends, which may be when the browser does.
 */
export async function openSystemBrowser(url: string): Promise<void> {
  const { protocol, href } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:')
    throw new TypeError(`${protocol} is not a scheme of web pages`)
  const [program, ...given] = commands[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...given, href], { stdio: 'ignore', detached: true })
  // The application may end before the browser does.
  child.unref()
  const [code]: readonly unknown[] = await once(child, 'exit')
  if (code !== 0 && process.platform !== 'win32') throw new Error(`${program} has failed with code ${code}`)
}
