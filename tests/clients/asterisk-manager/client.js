// Logs in, originates a call, lists channels, hangs up; prints what it saw as JSON.
'use strict';
const Manager = require('asterisk-manager');

const [host, port, user, secret] = process.argv.slice(2);
const seen = { events: [] };
const manager = new Manager(Number(port), host, user, secret, true);

function action(fields) {
  return new Promise((resolve, reject) => manager.action(fields, (error, reply) => (error ? reject(error) : resolve(reply))));
}

function event(name, wanted) {
  return new Promise((resolve) => {
    function look(found) {
      if (found.event === name && wanted(found)) {
        manager.removeListener('managerevent', look);
        resolve(found);
      }
    }
    manager.on('managerevent', look);
  });
}

manager.on('managerevent', (found) => seen.events.push(found.event));

async function work() {
  seen.ping = (await action({ action: 'ping' })).ping;
  const answered = event('OriginateResponse', () => true);
  seen.originate = (await action({
    action: 'originate', channel: 'Local/100@default', application: 'Wait', data: '20', async: 'true',
    variable: { COLOUR: 'red', SHAPE: 'round' },
  })).message;
  const response = await answered;
  seen.originated = response.response;
  seen.colour = (await action({ action: 'getvar', channel: response.channel, variable: 'COLOUR' })).value;
  seen.shape = (await action({ action: 'getvar', channel: response.channel, variable: 'SHAPE' })).value;
  const gone = event('Hangup', (found) => found.uniqueid === response.uniqueid);
  seen.hangup = (await action({ action: 'hangup', channel: response.channel })).response;
  seen.cause = (await gone)['cause-txt'];
  process.stdout.write(JSON.stringify(seen) + '\n', () => process.exit(0));
}

setTimeout(() => { process.stderr.write('too late: ' + JSON.stringify(seen) + '\n'); process.exit(1); }, 15000);
manager.on('connect', () => setTimeout(() => work().catch((error) => {
  process.stderr.write('failed: ' + JSON.stringify(error) + JSON.stringify(seen) + '\n');
  process.exit(1);
}), 200));
