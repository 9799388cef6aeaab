-- Tests of the dialplan beside: what a caller of each number hears and reaches. Run them by
--
--   obelisk dialplan test DIR/tests
--
-- where DIR is the configuration directory. Nothing is started, and a minute of a call takes no time. What there is to
-- say of calls and telephones is in docs/dialplan.md.

test("phones call each other", function(t)
   t.phone("PJSIP/bob"):answers{ after = 5 }
   local call = t.call("1002", { context = "internal", caller = "1001" })
   call:expect_app("Dial", "PJSIP/bob", 30, "r")
   call:expect_talking_to("PJSIP/bob")
   t.phone("PJSIP/bob"):hang_up()
   call:expect_ended{ cause = 16 }
end)

test("a busy phone is said", function(t)
   t.phone("PJSIP/bob"):busy()
   local call = t.call("1002", { context = "internal" })
   call:expect_sounds("vm-extension", "digits/1", "digits/0", "digits/0", "digits/2", "is-curntly-busy")
   call:expect_ended()
end)

test("a phone that nobody answers is unavailable after half a minute", function(t)
   local call = t.call("1001", { context = "internal" })
   call:expect_dialed("PJSIP/alice")
   call:wait(29)
   call:expect_not_answered()
   call:expect_sounds("vm-extension", "digits/1", "digits/0", "digits/0", "digits/1", "is-curntly-unavail")
end)

test("600 is an echo that # ends", function(t)
   local call = t.call("600", { context = "internal" })
   call:expect_sounds("demo-echotest")
   call:expect_app("Echo")
   call:wait(3600)
   call:press("#")
   call:expect_sounds("demo-echodone")
   call:expect_ended()
end)

test("601 plays a prompt", function(t)
   local call = t.call("601", { context = "internal" })
   call:expect_sounds("demo-congrats")
   call:expect_ended()
end)

test("the menu takes a number while it speaks", function(t)
   local call = t.call("602", { context = "internal" })
   call:expect_sounds("thank-you-for-calling")
   call:press("1002", { every = 0.5 })
   call:expect_dialed("PJSIP/bob")
end)

test("0 of the menu is alice", function(t)
   local call = t.call("602", { context = "internal" })
   call:expect_app("WaitExten")
   call:press("0")
   call:expect_dialed("PJSIP/alice")
end)

test("the menu says goodbye to who presses nothing", function(t)
   local call = t.call("602", { context = "internal" })
   call:expect_sounds("thank-you-for-calling", "ext-or-zero", "vm-goodbye")
   call:expect_ended()
end)

test("603 says digits again", function(t)
   local call = t.call("603", { context = "internal" })
   call:press("42#")
   call:expect_sounds("please-enter-your", "you-entered", "digits/4", "digits/2")
   call:expect_variable("DIGITS", "42")
end)

test("603 is sorry without digits", function(t)
   local call = t.call("603", { context = "internal" })
   call:expect_app("Playback", "im-sorry&invalid")
   call:expect_ended()
end)

test("604 records until silence", function(t)
   local call = t.call("604", { context = "internal" })
   call:expect_app("Record")
   call:wait(10)
   call:fall_silent()
   call:expect_app("Playback", "vm-msgsaved&vm-goodbye")
   call:expect_ended()
end)

test("605 is sorry without a program", function(t)
   local call = t.call("605", { context = "internal" })
   call:expect_app("Stasis", "hello")
   call:expect_sounds("im-sorry", "is-curntly-unavail")
end)

test("605 leaves a call to the program", function(t)
   t.stub_application("Stasis", { seconds = 30, variables = { STASISSTATUS = "SUCCESS" } })
   local call = t.call("605", { context = "internal" })
   call:expect_ended()
   call:expect_no_app("Playback")
end)

test("a number nobody has", function(t)
   local call = t.call("777", { context = "internal" })
   call:expect_sounds("pbx-invalid", "check-number-dial-again")
   call:expect_ended{ cause = 1 }
   t.expect_log("nobody has the number 777")
end)

test("a carrier reaches alice and nothing else", function(t)
   t.call("s", { context = "from-carrier" }):expect_dialed("PJSIP/alice")
   t.call("600", { context = "from-carrier" }):expect_ended()
end)
