package command

// Host is what the rare commands ask of the server around the engine. Its
// methods are called by handlers, so under whatever their row says they hold.
type Host interface{}
