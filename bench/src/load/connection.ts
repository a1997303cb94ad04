/**
 * A raw connection that sends one request after the other, with little work per request, so that one core of load
 * saturates one core of the server.
 */

import { connect, type Socket } from 'node:net'
import { type Answer, parseAnswer } from './answer.ts'

export type Connection = {
  /** One at a time. */
  readonly ask: (request: string) => void
  readonly close: () => Promise<void>
}

/** Resolves when it is connected. Calls `onLost` if it ends before `close`. */
export function openConnection(
  port: number,
  { onAnswer, onLost }: { onAnswer: (answer: Answer) => void; onLost: (error: Error) => void },
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.setEncoding('latin1')
    let received = ''
    let closing = false
    const lose = (error: Error): void => {
      reject(error)
      if (!closing) onLost(error)
    }
    socket.on('error', lose)
    socket.on('close', () => lose(new Error('the server closed a connection')))
    socket.on('data', (chunk: string) => {
      received = received === '' ? chunk : received + chunk
      const answer = parseAnswer(received)
      if (!answer) return
      received = ''
      onAnswer(answer)
    })
    socket.on('connect', () =>
      resolve({
        ask: request => void socket.write(request, 'latin1'),
        close() {
          closing = true
          return end(socket)
        },
      }),
    )
  })
}

const end = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    socket.once('close', () => resolve())
    socket.end()
  })

/** Resolves to the responses to these requests, which are sent one after the other over one connection. */
export async function askInTurn(port: number, requests: readonly string[]): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  let arrived: (answer: Answer) => void = () => {}
  let lost: (error: Error) => void = () => {}
  const connection = await openConnection(port, {
    onAnswer: answer => arrived(answer),
    onLost: error => lost(error),
  })
  for (const request of requests) {
    const coming = new Promise<Answer>((resolve, reject) => {
      arrived = resolve
      lost = reject
    })
    connection.ask(request)
    answers.push(await coming)
  }
  await connection.close()
  return answers
}
