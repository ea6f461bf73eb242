// What empty submissions save a page that waits for short work on the GPU (src/runtime/gpu/hasten.ts), in headless Chrome.
//
//   npm run bench:readback

import { pageServer } from "./typescript.mjs";

const { server, urlOf } = await pageServer();
const { measureReadback } = await server.ssrLoadModule("/bench/readback/chrome.ts");
try {
  await measureReadback(urlOf("bench/readback/index.html"));
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
