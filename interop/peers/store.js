// Sends files with dcmjs-dimse: store.js PORT FILE...
//
// Reads each file, re-encodes it and proposes its own transfer syntax. Prints one line for each file: status
// (four hexadecimal digits), or "skipped" if the toolkit cannot read it, and path; the toolkit's messages
// appear in between.
const { Client, Dataset, constants, requests } = require('dcmjs-dimse');

const [port, ...files] = process.argv.slice(2);
const client = new Client();
let failed = false;

function report(status, file) {
  failed = failed || status !== '0000';
  console.log(`${status} ${file}`);
}

function read(file) {
  try {
    const dataset = Dataset.fromFile(file);
    return dataset.getElement('SOPClassUID') ? dataset : undefined;
  } catch {
    return undefined;
  }
}

for (const file of files) {
  const dataset = read(file);
  if (dataset === undefined) {
    report('skipped', file);
    continue;
  }
  const request = new requests.CStoreRequest(dataset);
  request.on('response', (response) => {
    if (response.getStatus() !== constants.Status.Pending) {
      report(response.getStatus().toString(16).padStart(4, '0').toUpperCase(), file);
    }
  });
  client.addRequest(request);
}

client.on('networkError', (error) => {
  console.log(`network error: ${error}`);
  process.exitCode = 2;
});
client.on('closed', () => {
  process.exitCode ||= failed ? 1 : 0;
});
client.send('127.0.0.1', Number(port), 'DCMJS', 'ANY-SCP');
