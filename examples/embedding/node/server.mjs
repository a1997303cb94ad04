import { createServer } from 'node:http'
import { stopOnSignals, tessera } from '../tessera.mjs'

const server = createServer((request, response) => {
  tessera.listener(request, response, () => {
    const found = request.url === '/orders'
    response.writeHead(found ? 200 : 404).end(found ? 'your orders' : 'no such page')
  })
})
server.listen(process.env.PORT ?? 3000, '127.0.0.1')
stopOnSignals(() => server.close())
