# Sends mail from Ruby through the C library: refused recipients, errors by handle, callbacks that
# run in several Ruby threads at once. Usage: check.rb LIBRARY SERVER MUTE-SERVER
require 'ffi'

module Smtp
  extend FFI::Library
  ffi_lib ARGV[0]

  callback :debug, %i[int pointer size_t pointer], :void
  callback :destroy, [:pointer], :void
  callback :auth, %i[pointer pointer], :int

  attach_function :smtp_client_new, [:int], :pointer
  attach_function :smtp_client_free, [:pointer], :void
  # What may wait lets other Ruby threads run meanwhile.
  attach_function :smtp_client_connect, %i[pointer string int], :int, blocking: true
  attach_function :smtp_client_sendmail,
                  %i[pointer string pointer size_t pointer size_t pointer size_t pointer size_t],
                  :int, blocking: true
  attach_function :smtp_client_mail, %i[pointer string pointer size_t], :int, blocking: true
  attach_function :smtp_client_noop, [:pointer], :int, blocking: true
  attach_function :smtp_client_quit, [:pointer], :int, blocking: true
  attach_function :smtp_client_auth, %i[pointer string auth pointer], :int, blocking: true
  attach_function :smtp_client_cancel, [:pointer], :int
  attach_function :smtp_client_set_debug_callback, %i[pointer debug pointer destroy], :int
  attach_function :smtp_client_last_error, [:pointer], :string
  attach_function :smtp_client_reply_text, [:pointer], :string
  attach_function :smtp_client_refused_count, [:pointer], :size_t
  attach_function :smtp_client_refused_address, %i[pointer size_t], :string
  attach_function :smtp_client_refused_code, %i[pointer size_t], :int
  attach_function :smtp_error_name, [:int], :string
  attach_function :smtp_auth_exchange_challenge, %i[pointer pointer], :pointer
  attach_function :smtp_auth_exchange_respond, %i[pointer pointer size_t], :int

  # One handle.
  class Client
    attr_reader :handle, :transcript, :destroyed

    def initialize(address)
      @handle = Smtp.smtp_client_new(1)
      @transcript = +''
      @destroyed = 0
      # Kept as long as the library may call them.
      @debug = proc { |_direction, data, length, _user| @transcript << data.read_bytes(length) }
      @destroy = proc { |_user| @destroyed += 1 }
      check Smtp.smtp_client_set_debug_callback(@handle, @debug, nil, @destroy)
      check Smtp.smtp_client_connect(@handle, address, 0)
    end

    def check(code)
      raise "#{Smtp.smtp_error_name(code)}: #{Smtp.smtp_client_last_error(@handle)}" if code.negative?

      code
    end

    def sendmail(from, to, message)
      strings = to.map { |address| FFI::MemoryPointer.from_string(address) }
      list = FFI::MemoryPointer.new(:pointer, to.size).write_array_of_pointer(strings)
      bytes = FFI::MemoryPointer.from_string(message)
      check Smtp.smtp_client_sendmail(@handle, from, list, to.size, bytes, message.bytesize,
                                      nil, 0, nil, 0)
      refused
    end

    def refused
      (0...Smtp.smtp_client_refused_count(@handle)).to_h do |i|
        [Smtp.smtp_client_refused_address(@handle, i), Smtp.smtp_client_refused_code(@handle, i)]
      end
    end

    def free
      Smtp.smtp_client_free(@handle)
    end
  end
end

def assert(good, message = 'wrong')
  raise message.to_s unless good
end

def fails(name)
  yield
rescue RuntimeError => e
  assert e.message.start_with?(name), e.message
  e.message
else
  raise "#{name} was expected"
end

MESSAGE = "Subject: from Ruby\r\n\r\n.dot\r\n".freeze
_, server, mute = ARGV

client = Smtp::Client.new(server)
refused = client.sendmail('from@a.example', ['to@b.example', 'bob@b.example'], MESSAGE)
assert refused == { 'bob@b.example' => 550 }, refused
fails('SMTP_E_RECIPIENTS_REFUSED') { client.sendmail('from@a.example', ['bob@b.example'], MESSAGE) }
assert client.refused == { 'bob@b.example' => 550 }
assert Smtp.smtp_client_reply_text(client.handle).valid_encoding?

# An authentication object in Ruby.
steps = []
mechanism = proc do |exchange, _user|
  length = FFI::MemoryPointer.new(:size_t)
  challenge = Smtp.smtp_auth_exchange_challenge(exchange, length)
  steps << (challenge.null? ? nil : challenge.read_bytes(length.read(:size_t)))
  response = steps.size == 1 ? 'user' : 'password'
  Smtp.smtp_auth_exchange_respond(exchange, FFI::MemoryPointer.from_string(response), response.bytesize)
end
client.check Smtp.smtp_client_auth(client.handle, 'LOGIN', mechanism, nil)
assert steps == [nil, 'Password:'], steps
assert !client.transcript.include?('cGFzc3dvcmQ'), 'a password in the transcript'
client.check Smtp.smtp_client_quit(client.handle)
assert client.destroyed.zero?
client.free
assert client.destroyed == 1

# Threads: each with its handle, its callbacks and its errors.
threads = (0...8).map do |number|
  Thread.new do
    own = Smtp::Client.new(server)
    30.times do |round|
      text = fails('SMTP_E_INVALID_ARGUMENT') do
        own.check Smtp.smtp_client_mail(own.handle, "#{'x' * (number + 1)}\n@a.example", nil, 0)
      end
      assert text.include?("offset #{number + 1}"), text
      sent = own.sendmail("from#{number}@a.example", ['to@b.example'], MESSAGE)
      assert sent.empty?
      assert own.transcript.include?("MAIL FROM:<from#{number}@a.example>"), own.transcript
      others = (0...8).reject { |other| other == number }
      assert others.none? { |other| own.transcript.include?("from#{other}@") }
      GC.start if round == 15
    end
    own.free
    assert own.destroyed == 1
  end
end
threads.each(&:join)

# A call that waits holds neither Ruby nor its cancellation.
handle = Smtp.smtp_client_new(1)
waiting = Thread.new { Smtp.smtp_client_connect(handle, mute, 0) }
sleep 0.3
assert Smtp.smtp_client_cancel(handle).zero?
assert Smtp.smtp_error_name(waiting.value) == 'SMTP_E_CANCELLED'
Smtp.smtp_client_free(handle)
puts 'ok'
